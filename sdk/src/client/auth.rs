//! Proof of who the user is: a JWT that the site's server has signed; and what happens while Kindling's server does not take it.
//!
//! The streams of a user who is not proven rest. Nothing of them is lost, and all others go on.

use kindling_core::{
    ids::ExternalId,
    limits,
    protocol::{AuthFailure, Identity},
    time::{Duration, Timestamp},
};

use super::{
    Client, Effect, Host, Stream,
    backoff::pause,
    flush::Flight,
    keys::{self, split_at},
};

/// After so many refusals in a row a user's streams rest until the next session: by then the page may know better.
const MOST_REFUSALS: u32 = 50;
/// What rests until then rests until the next session.
const NEXT_SESSION: Timestamp = Timestamp::from_ms(i64::MAX);

/// Why a signature can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureError {
    /// The site did not say that it has any.
    NotEnabled,
    /// It is empty, or has more than [`limits::SDK_SIGNATURE_BYTES`].
    Length,
    /// Nobody is signed in whom it could prove.
    Nobody,
}

/// What proves whose a stream is, and what the server says to that.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// It stays when another user signs in, but in memory only.
    pub(super) signature: Option<String>,
    /// The page knows that the server does not take it.
    is_told: bool,
    /// How often in a row it was refused.
    refusals: u32,
    /// Nothing of the stream is sent before.
    rests_until: Option<Timestamp>,
}

impl Stream {
    /// Whether nothing of it is to be sent now.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        self.proof.rests_until.is_some_and(|at| at > now)
    }

    /// Whether what was said of a flush holds of this stream too: it is the same user's, with the same signature.
    fn is_like(&self, flight: &Flight) -> bool {
        self.identity.external_id == flight.identity.external_id && self.proof.signature == flight.signature
    }
}

impl<H: Host> Client<H> {
    /// Why a signature can't be used, if it can't.
    pub fn signature_error(&self, signature: &str) -> Option<SignatureError> {
        if !self.config.authentication {
            Some(SignatureError::NotEnabled)
        } else if !(1..=limits::SDK_SIGNATURE_BYTES).contains(&signature.len()) {
            Some(SignatureError::Length)
        } else {
            None
        }
    }

    /// Takes a new signature of the user who is signed in, and sends what rested for want of it. Fails with what is wrong.
    pub fn set_signature(&mut self, signature: String, now: Timestamp) -> Result<(), SignatureError> {
        if let Some(wrong) = self.signature_error(&signature) {
            return Err(wrong);
        }
        self.refresh();
        let Some(user) = &self.identity.external_id else { return Err(SignatureError::Nobody) };
        store_signature(&mut self.host, Some(user), Some(&signature));
        self.put_signature(Some(signature));
        self.pump(now);
        Ok(())
    }

    /// Puts a new signature to the streams of the user, also those that other pages left: it proves who wrote them.
    pub(super) fn put_signature(&mut self, signature: Option<String>) {
        if signature.is_none() || signature == self.signature {
            return;
        }
        let mut rested = false;
        for stream in &mut self.streams {
            if stream.identity.external_id == self.identity.external_id {
                rested |= stream.proof.rests_until.is_some();
                stream.proof = Proof { signature: signature.clone(), ..Proof::default() };
            }
        }
        self.signature = signature;
        if rested {
            // At once.
            self.flights.due(Timestamp::from_ms(0));
        }
    }

    /// Catches up with a signature that another tab stored.
    pub(super) fn reload_signature(&mut self) {
        let stored = self.stored_signature();
        self.put_signature(stored);
    }

    /// The signature that is stored for the user, if it is for them.
    pub(super) fn stored_signature(&self) -> Option<String> {
        if self.config.authentication { load_signature(&self.host, &self.identity) } else { None }
    }

    /// Gives streams that were taken over the signature of their user, if that is who is signed in.
    pub(super) fn sign(&self, streams: &mut [Stream]) {
        for stream in streams {
            if stream.identity.external_id == self.identity.external_id {
                stream.proof.signature.clone_from(&self.signature);
            }
        }
    }

    /// When a stream that rests is to be tried again.
    pub(super) fn resumes_at(&self) -> Option<Timestamp> {
        let mut first = NEXT_SESSION;
        for stream in &self.streams {
            if !stream.waiting().is_empty() {
                first = first.min(stream.proof.rests_until.unwrap_or(NEXT_SESSION));
            }
        }
        (first < NEXT_SESSION).then_some(first)
    }

    /// How many records wait in streams that do not rest.
    pub(super) fn ready(&self, now: Timestamp) -> usize {
        self.streams.iter().filter(|stream| !stream.rests(now)).map(|stream| stream.waiting().len()).sum()
    }

    /// A session begins: what rests until then is tried again.
    pub(super) fn rested(&mut self, now: Timestamp) {
        for stream in &mut self.streams {
            if stream.proof.rests_until == Some(NEXT_SESSION) {
                stream.proof.rests_until = Some(now);
                stream.proof.refusals = 0;
            }
        }
    }

    /// A flush was taken, whose user is proven or need not be.
    pub(super) fn proven(&mut self, flight: &Flight) {
        for stream in &mut self.streams {
            if stream.is_like(flight) {
                let signature = stream.proof.signature.take();
                stream.proof = Proof { signature, ..Proof::default() };
            }
        }
    }

    /// The server does not take the user of a flush for proven. The page is told once of a signature. If it `refused` the flush, says
    /// how long what is like it rests; `None`: until the next session.
    pub(super) fn unproven(
        &mut self,
        flight: &Flight,
        failure: AuthFailure,
        refused: bool,
        now: Timestamp,
    ) -> Option<Duration> {
        let (mut is_told, mut refusals) = (false, 0);
        for stream in &self.streams {
            if stream.is_like(flight) {
                is_told |= stream.proof.is_told;
                refusals = refusals.max(stream.proof.refusals);
            }
        }
        refusals = if refused { refusals + 1 } else { 0 };
        let pause = (refusals < MOST_REFUSALS).then(|| pause(refusals, None, self.host.random()));
        let end = pause.map_or(NEXT_SESSION, |pause| now.plus(pause));
        for stream in &mut self.streams {
            if stream.is_like(flight) {
                stream.proof.is_told = true;
                stream.proof.refusals = refusals;
                stream.proof.rests_until = refused.then_some(end);
            }
        }
        if !is_told && let Some(user) = flight.identity.external_id.clone() {
            let signature = flight.signature.clone();
            self.effects.push(Effect::AuthenticationFailed { failure, user, signature });
        }
        pause
    }
}

/// Stands between a user's id, which has no line breaks, and their signature.
const SEPARATOR: u8 = b'\n';

fn load_signature(host: &impl Host, identity: &Identity) -> Option<String> {
    let text = host.get(keys::SIGNATURE)?;
    let (user, signature) = split_at(&text, SEPARATOR)?;
    (user == identity.external_id.as_ref()?.as_str()).then(|| signature.to_owned())
}

/// Stores the user's signature, with whose it is: another tab may just be changing the user. With none, forgets what is stored.
pub(super) fn store_signature(host: &mut impl Host, user: Option<&ExternalId>, signature: Option<&String>) {
    let (Some(user), Some(signature)) = (user, signature) else { return host.remove(keys::SIGNATURE) };
    let mut text = String::from(user.as_str());
    text.push(char::from(SEPARATOR));
    text.push_str(signature);
    host.set(keys::SIGNATURE, &text);
}
