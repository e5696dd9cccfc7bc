-- What holds for all campaigns of a workspace, as JSON. NULL: nothing was said.
ALTER TABLE workspaces ADD COLUMN settings TEXT;
