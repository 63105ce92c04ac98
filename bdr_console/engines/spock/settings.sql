-- Spock: whether the node takes writes (off, or local, user, all: superusers still write), and what it does with a
-- transaction that cannot be applied; any role.
SELECT current_setting('spock.readonly', true)           AS readonly,
       current_setting('spock.exception_behaviour', true) AS exception_behaviour;
