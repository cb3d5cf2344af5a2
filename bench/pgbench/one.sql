-- The same rows in one statement.
\set slot random(1, :slots)
\set patient random(1, 1000000000)
WITH taken AS (
    UPDATE slot SET booked = booked + 1, status = CASE WHEN booked + 1 >= capacity THEN 'BOOKED' ELSE 'AVAILABLE' END
    WHERE id = :slot AND booked < capacity RETURNING id
), made AS (
    INSERT INTO booking (slot_id, patient_id, status) SELECT id, :patient, 'CONFIRMED' FROM taken
    ON CONFLICT (slot_id, patient_id) DO NOTHING RETURNING id
)
INSERT INTO audit_log (booking_id, act, details) SELECT id, 'CREATE', '{"source":"bench"}' FROM made;
