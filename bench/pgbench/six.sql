-- The textbook booking: serializable, lock the slot, look for a duplicate, insert, count, audit.
\set slot random(1, :slots)
\set patient random(1, 1000000000)
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT booked, capacity FROM slot WHERE id = :slot FOR UPDATE;
SELECT id FROM booking WHERE slot_id = :slot AND patient_id = :patient FOR UPDATE;
INSERT INTO booking (slot_id, patient_id, status) VALUES (:slot, :patient, 'CONFIRMED') RETURNING id AS booking \gset
UPDATE slot SET booked = booked + 1, status = CASE WHEN booked + 1 >= capacity THEN 'BOOKED' ELSE 'AVAILABLE' END WHERE id = :slot;
INSERT INTO audit_log (booking_id, act, details) VALUES (:booking, 'CREATE', '{"source":"bench"}');
COMMIT;
