-- The tables of schema bucardo in a database that Bucardo 5.6.0 replicates, and the replicated table.
CREATE TABLE public.t (id integer PRIMARY KEY, v text, n integer);
CREATE SCHEMA bucardo;
CREATE TABLE bucardo.bucardo_delta_names (
  sync text, tablename text, deltaname text, trackname text, cdate timestamptz);
CREATE TABLE bucardo.bucardo_delta_targets (tablename oid, target text, cdate timestamptz);
CREATE TABLE bucardo.delta_public_t (id integer NOT NULL, txntime timestamptz NOT NULL DEFAULT now());
CREATE TABLE bucardo.track_public_t (txntime timestamptz, target text);
