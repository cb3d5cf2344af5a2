-- Five ways to keep two claims of one holder apart, each as a function that says whether it got the time. Everybody races for
-- half hours that begin somewhere in the next few minutes of a calendar that moves on by twenty half hours a second.
DROP TABLE IF EXISTS excluded, cell, plain, holder;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE holder (id integer PRIMARY KEY);
INSERT INTO holder SELECT generate_series(1, 20);
CREATE TABLE excluded (holder integer NOT NULL, during int8range NOT NULL, EXCLUDE USING gist (holder WITH =, during WITH &&));
CREATE TABLE cell (holder integer NOT NULL, tick bigint NOT NULL, PRIMARY KEY (holder, tick));
CREATE TABLE plain (holder integer NOT NULL, from_tick bigint NOT NULL, PRIMARY KEY (holder, from_tick));

CREATE OR REPLACE FUNCTION a_start() RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 20)::bigint * 6 + floor(random() * 6)::bigint $$;

CREATE OR REPLACE FUNCTION claim_plain(h integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE s bigint := a_start();
BEGIN
    INSERT INTO excluded VALUES (h, int8range(s, s + 6));
    RETURN true;
EXCEPTION WHEN exclusion_violation THEN RETURN false;
END $$;

CREATE OR REPLACE FUNCTION claim_nothing(h integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE s bigint := a_start();
BEGIN
    INSERT INTO excluded VALUES (h, int8range(s, s + 6)) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION claim_cells(h integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE s bigint := a_start();
BEGIN
    INSERT INTO cell SELECT h, t FROM generate_series(s, s + 5) AS t;
    RETURN true;
EXCEPTION WHEN unique_violation THEN RETURN false;
END $$;

CREATE OR REPLACE FUNCTION claim_row_lock(h integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE s bigint := a_start();
BEGIN
    PERFORM 1 FROM holder WHERE id = h FOR UPDATE;
    IF EXISTS (SELECT 1 FROM plain WHERE holder = h AND from_tick > s - 6 AND from_tick < s + 6) THEN RETURN false; END IF;
    INSERT INTO plain VALUES (h, s);
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION claim_advisory(h integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE s bigint := a_start();
BEGIN
    PERFORM pg_advisory_xact_lock(h);
    INSERT INTO excluded VALUES (h, int8range(s, s + 6)) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
