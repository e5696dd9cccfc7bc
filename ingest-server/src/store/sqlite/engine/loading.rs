//! Putting users into memory, and finding them.

use std::sync::Arc;

use kindling_core::{
    ids::{Alias, ExternalId, UserId},
    protocol::{Record, RecordKind},
};

use super::{BatchesOf, Engine};
use crate::{
    ingest::{Batch, Person, UserState},
    store::{StoreError, UserRef, WorkspaceKey, sqlite::profiles},
};

impl Engine {
    /// Puts everything into memory that a batch names.
    pub(super) fn load(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let workspace = batch.workspace.key;
        let stream = (workspace, batch.stream);
        if !self.working.streams.contains(&stream)
            && let Some(position) = profiles::position(&self.profiles, workspace, batch.stream)?
        {
            self.working.streams.load(stream, position);
        }
        if let Some(id) = &batch.identity.external_id
            && let Some(user) = self.external_id(workspace, id)?
        {
            self.person(user)?;
        }
        if let Some(id) = batch.identity.anonymous_id {
            let key = (workspace, id);
            let user = match self.working.anonymous_ids.get(&key) {
                Some(user) => Some(*user),
                None => {
                    let user = profiles::user_of_anonymous_id(&self.profiles, workspace, id)?;
                    if let Some(user) = user {
                        self.working.anonymous_ids.load(key, user);
                    }
                    user
                }
            };
            if let Some(user) = user {
                self.person(user)?;
            }
        }
        for incoming in &batch.records {
            if let Ok(Record { kind: RecordKind::Alias { label, name }, .. }) = &incoming.record
                && let Some(user) = self.alias(workspace, &Alias { label: label.clone(), name: name.clone() })?
            {
                self.person(user)?;
            }
        }
        let device = (workspace, batch.device);
        if !self.working.devices.contains(&device)
            && let Some(user) = profiles::user_of_device(&self.profiles, workspace, batch.device)?
        {
            self.working.devices.load(device, user);
        }
        Ok(())
    }

    fn alias(&mut self, workspace: WorkspaceKey, alias: &Alias) -> Result<Option<UserId>, StoreError> {
        let key = (workspace, alias.clone());
        if let Some(user) = self.working.aliases.get(&key) {
            return Ok(Some(*user));
        }
        let user = profiles::user_of_alias(&self.profiles, workspace, alias)?;
        if let Some(user) = user {
            self.working.aliases.load(key, user);
        }
        Ok(user)
    }

    fn external_id(&mut self, workspace: WorkspaceKey, id: &ExternalId) -> Result<Option<UserId>, StoreError> {
        let key = (workspace, id.clone());
        if let Some(user) = self.working.external_ids.get(&key) {
            return Ok(Some(*user));
        }
        let user = profiles::user_of_external_id(&self.profiles, workspace, id)?;
        if let Some(user) = user {
            self.working.external_ids.load(key, user);
        }
        Ok(user)
    }

    /// Puts a user into memory, with whoever they turned out to be. Returns who that is; `None`: nobody.
    pub(in crate::store::sqlite) fn person(&mut self, id: UserId) -> Result<Option<UserId>, StoreError> {
        let mut id = id;
        for _ in 0..kindling_core::limits::MERGE_CHAIN {
            if !self.working.users.contains(&id) {
                let Some(person) = profiles::person(&self.profiles, id)? else { return Ok(None) };
                self.working.users.load(id, person);
            }
            match self.working.users.get(&id) {
                Some(Person::MergedInto(into)) => id = *into,
                Some(Person::Here(_)) => return Ok(Some(id)),
                None => return Ok(None),
            }
        }
        Err(StoreError::Corrupt(format!("user {id} was merged too often")))
    }

    /// Who a reference means, at this moment.
    pub(in crate::store::sqlite) fn find(
        &mut self,
        workspace: WorkspaceKey,
        user: &UserRef,
    ) -> Result<Option<(UserId, Arc<UserState>)>, StoreError> {
        self.ready()?;
        self.evict(1);
        let id = match user {
            UserRef::Id(id) => Some(*id),
            UserRef::External(id) => self.external_id(workspace, id)?,
            UserRef::Alias(alias) => self.alias(workspace, alias)?,
            UserRef::Device(id) => match self.working.devices.get(&(workspace, *id)) {
                Some(user) => Some(*user),
                None => profiles::user_of_device(&self.profiles, workspace, *id)?,
            },
            UserRef::Anonymous(id) => match self.working.anonymous_ids.get(&(workspace, *id)) {
                Some(user) => Some(*user),
                None => profiles::user_of_anonymous_id(&self.profiles, workspace, *id)?,
            },
        };
        let Some(id) = id else { return Ok(None) };
        let Some(id) = self.person(id)? else { return Ok(None) };
        match self.working.users.get(&id) {
            Some(Person::Here(user)) if user.workspace == workspace => Ok(Some((id, Arc::clone(user)))),
            _ => Ok(None),
        }
    }

    /// What there is to know of a user's batches beside what the profiles have of them: everybody whose batches are theirs, and
    /// those batches that no checkpoint has yet.
    pub(in crate::store::sqlite) fn batches_of(
        &mut self,
        workspace: WorkspaceKey,
        user: &UserRef,
    ) -> Result<Option<BatchesOf>, StoreError> {
        let Some((id, _)) = self.find(workspace, user)? else { return Ok(None) };
        let mut users = profiles::merged_into(&self.profiles, id)?;
        let recently = self.merged_in_flight.iter().chain(&self.merged);
        users.extend(recently.filter(|(_, into)| *into == id).map(|(from, _)| *from));
        users.push(id);
        users.sort_unstable();
        users.dedup();
        let recent = self.tail_in_flight.iter().chain(&self.tail);
        let batches = recent.filter(|batch| users.contains(&batch.user)).copied().collect();
        Ok(Some(BatchesOf { users, recent: batches }))
    }
}
