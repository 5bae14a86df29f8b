-- A spent token keeps the token that took its place, sealed with itself (server/src/auth/refresh.rs), while that is not spent: several pages of a
-- browser that ask at once get the same one. What stood here before was a hash.
UPDATE refresh_tokens SET successor = NULL WHERE successor IS NOT NULL;
ALTER TABLE refresh_tokens ADD CHECK (octet_length(successor) = 32);
