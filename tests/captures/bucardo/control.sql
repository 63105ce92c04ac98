-- The tables of Bucardo 5.6.0's control database that the console reads, with the columns it had when captured.
CREATE SCHEMA bucardo;
CREATE TABLE bucardo.db (
  name text, dbdsn text, dbtype text, dbhost text, dbport text, dbname text, dbuser text, dbpass text, dbconn text,
  dbservice text, pgpass text, status text, server_side_prepares boolean, makedelta boolean, cdate timestamptz);
CREATE TABLE bucardo.dbgroup (name text, about text, cdate timestamptz);
CREATE TABLE bucardo.dbmap (db text, dbgroup text, priority smallint, role text, cdate timestamptz);
CREATE TABLE bucardo.sync (
  name text, herd text, dbs text, stayalive boolean, kidsalive boolean, conflict_strategy text, copyextra text,
  deletemethod text, autokick boolean, checktime interval, status text, rebuild_index smallint, priority smallint,
  analyze_after_copy boolean, vacuum_after_copy boolean, strict_checking boolean, overdue interval, expired interval,
  track_rates boolean, onetimecopy smallint, lifetime interval, maxkicks integer, isolation_level text,
  cdate timestamptz);
CREATE TABLE bucardo.syncrun (
  sync text, truncates integer, deletes bigint, inserts bigint, conflicts bigint, started timestamptz,
  ended timestamptz, lastgood boolean, lastbad boolean, lastempty boolean, details text, status text);
CREATE TABLE bucardo.bucardo_config (name text, setting text);
INSERT INTO bucardo.bucardo_config VALUES ('bucardo_version', '5.6.0'), ('email_auth_pass', 'never-shown');
