import Storage

/// What visits cost, what was paid and given back for them, and the invoices that say so.
enum PaymentTables {
    static let up: [SQL] = [
        "ALTER TABLE visit_type ADD COLUMN price TEXT",
        // One for each appointment. `asked_for` is the appointment it was asked for, which is another when a late payment was honoured.
        SQL(
            table: """
                CREATE TABLE payment (
                    id {uuid} NOT NULL PRIMARY KEY,
                    appointment_id {uuid} NOT NULL REFERENCES appointment (id),
                    asked_for {uuid} NOT NULL REFERENCES appointment (id),
                    patient_id {uuid} NOT NULL REFERENCES patient (id),
                    state {text} NOT NULL CONSTRAINT payment_state CHECK (state IN
                        ('opening', 'open', 'processing', 'paid', 'cancelling', 'cancelled', 'failed')),
                    price {text} NOT NULL,
                    received {number} NOT NULL CONSTRAINT payment_received CHECK (received >= 0),
                    tries {number} NOT NULL,
                    provider_id {text},
                    payer_secret {text},
                    created_at {instant} NOT NULL,
                    updated_at {instant} NOT NULL,
                    paid_at {instant},
                    version {number} NOT NULL,
                    CONSTRAINT payment_paid CHECK ((state = 'paid') = (paid_at IS NOT NULL)),
                    CONSTRAINT payment_secret CHECK (payer_secret IS NULL OR state IN ('open', 'processing'))
                ) {clustered}
                """),
        "CREATE UNIQUE INDEX payment_of_appointment ON payment (appointment_id)",
        "CREATE UNIQUE INDEX payment_asked_for ON payment (asked_for)",
        "CREATE INDEX payment_unsettled ON payment (id) WHERE state IN ('opening', 'open', 'processing', 'cancelling')",
        SQL(
            table: """
                CREATE TABLE refund (
                    id {uuid} NOT NULL PRIMARY KEY,
                    payment_id {uuid} NOT NULL REFERENCES payment (id),
                    provider_payment {text} NOT NULL,
                    amount {number} NOT NULL CONSTRAINT refund_amount CHECK (amount > 0),
                    reason {text} NOT NULL CONSTRAINT refund_reason CHECK (reason IN ('cancelled', 'late', 'differs')),
                    state {text} NOT NULL CONSTRAINT refund_state CHECK (state IN ('asked', 'pending', 'done', 'failed')),
                    tries {number} NOT NULL,
                    provider_id {text},
                    created_at {instant} NOT NULL,
                    updated_at {instant} NOT NULL
                ) {clustered}
                """),
        "CREATE INDEX refund_of_payment ON refund (payment_id, id)",
        "CREATE INDEX refund_unsettled ON refund (id) WHERE state IN ('asked', 'pending')",
        // The last number that was given; no row before the first, for a new clinic is empty. Whoever takes the next holds the row until the end of their transaction, so none is left out
        // and none is given twice.
        SQL(
            table: """
                CREATE TABLE counter (
                    name {text} NOT NULL PRIMARY KEY,
                    value {number} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE invoice (
                    id {uuid} NOT NULL PRIMARY KEY,
                    number {number} NOT NULL CONSTRAINT invoice_number_range CHECK (number > 0),
                    kind {text} NOT NULL CONSTRAINT invoice_kind CHECK (kind IN ('invoice', 'credit-note')),
                    payment_id {uuid} NOT NULL REFERENCES payment (id),
                    refund_id {uuid} REFERENCES refund (id),
                    patient_id {uuid} NOT NULL REFERENCES patient (id),
                    appointment_id {uuid} NOT NULL REFERENCES appointment (id),
                    amount {number} NOT NULL CONSTRAINT invoice_amount CHECK (amount > 0),
                    currency {text} NOT NULL,
                    issued_at {instant} NOT NULL,
                    CONSTRAINT invoice_credit CHECK ((kind = 'credit-note') = (refund_id IS NOT NULL))
                ) {clustered}
                """),
        "CREATE UNIQUE INDEX invoice_number ON invoice (number)",
        "CREATE UNIQUE INDEX invoice_of_payment ON invoice (payment_id) WHERE kind = 'invoice'",
        "CREATE INDEX invoice_of_patient ON invoice (patient_id, number)",
    ]

    static let down: [SQL] = [
        "DROP TABLE invoice", "DROP TABLE counter", "DROP TABLE refund", "DROP TABLE payment",
        "ALTER TABLE visit_type DROP COLUMN price",
    ]
}
