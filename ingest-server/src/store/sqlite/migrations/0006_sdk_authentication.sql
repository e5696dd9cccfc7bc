-- Whether flushes must prove who their users are, and by whose signatures, as JSON. NULL: nobody looks.
ALTER TABLE workspaces ADD COLUMN sdk_authentication TEXT;
