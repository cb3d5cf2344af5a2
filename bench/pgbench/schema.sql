-- The tables of a booking system as it is usually written: a row per slot with a counter, locked by whoever books.
DROP TABLE IF EXISTS audit_log, booking, slot;
CREATE TABLE slot (id integer PRIMARY KEY, booked integer NOT NULL, capacity integer NOT NULL, status text NOT NULL)
    WITH (fillfactor = 50);
CREATE TABLE booking (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slot_id integer NOT NULL REFERENCES slot (id), patient_id integer NOT NULL,
    status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (slot_id, patient_id));
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, booking_id uuid NOT NULL, act text NOT NULL, details jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
INSERT INTO slot SELECT n, 0, 1000000000, 'AVAILABLE' FROM generate_series(1, 10000) AS n;
VACUUM ANALYZE slot;
