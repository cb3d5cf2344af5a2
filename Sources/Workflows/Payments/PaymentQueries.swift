import Notation
import People
import Scheduling
import Storage

/// In the order `Sealed<VisitPayment>(columns)` reads them.
private let paymentColumns = """
    id, appointment_id, asked_for, patient_id, state, price, received, tries, provider_id, payer_secret, created_at, updated_at,
    paid_at, version
    """

extension Sealed where Value == VisitPayment {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            kept: VisitPayment(
                id: try columns.id(0), appointment: try columns.id(1), askedFor: try columns.id(2), patient: try columns.id(3),
                state: try columns.choice(4), price: try columns.price(5), received: try columns.int(6),
                tries: try columns.int(7), providerID: try columns.optional(8, columns.text),
                payerSecret: try columns.optional(9, columns.text).map { Personal($0) }, createdAt: try columns.instant(10),
                updatedAt: try columns.instant(11), paidAt: try columns.optional(12, columns.instant),
                version: try columns.int(13)))
    }
}

extension Columns {
    func price(_ index: Int) throws -> Price {
        guard let price = try Price(document: JSON(parsing: try text(index))) else {
            throw StorageFault.statement("column \(index) holds no price")
        }
        return price
    }
}

struct PaymentOfAppointment: Query {
    static let sql = SQL("SELECT \(paymentColumns) FROM payment WHERE appointment_id = $1")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> Sealed<VisitPayment> { try Sealed(columns) }
}

/// The same by the appointment it was asked for.
struct PaymentAskedFor: Query {
    static let sql = SQL("SELECT \(paymentColumns) FROM payment WHERE asked_for = $1")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> Sealed<VisitPayment> { try Sealed(columns) }
}

struct PaymentByID: Query {
    static let sql = SQL("SELECT \(paymentColumns) FROM payment WHERE id = $1")
    let id: ID<VisitPayment>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<VisitPayment> { try Sealed(columns) }
}

/// One that is going to be changed. Its appointment is held before it: whoever changes either comes one after the other.
struct PaymentToChange: Query {
    static let sql = SQL(
        sqlite: PaymentByID.sql.sqlite, postgres: PaymentByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<VisitPayment>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<VisitPayment> { try Sealed(columns) }
}

struct InsertPayment: Command {
    static let sql: SQL = """
        INSERT INTO payment (id, appointment_id, asked_for, patient_id, state, price, received, tries, created_at, updated_at, version)
        VALUES ($1, $2, $2, $3, $4, $5, 0, $6, $7, $7, $8)
        """
    let payment: VisitPayment
    var bindings: [SQLValue] {
        [
            .id(payment.id), .id(payment.appointment), .id(payment.patient), .text(payment.state.rawValue),
            .text(payment.price.document), .integer(payment.tries), .instant(payment.createdAt), .integer(payment.version),
        ]
    }
}

/// Replaces version n by version n + 1. No row changed means somebody else was first.
struct UpdatePayment: Command {
    static let sql: SQL = """
        UPDATE payment SET appointment_id = $2, state = $3, price = $4, received = $5, tries = $6, provider_id = $7, payer_secret = $8,
            updated_at = $9, paid_at = $10, version = $11
        WHERE id = $1 AND version = $11 - 1
        """
    let payment: Sealed<VisitPayment>
    var bindings: [SQLValue] {
        let kept = payment.kept
        return [
            .id(kept.id), .id(kept.appointment), .text(kept.state.rawValue), .text(kept.price.document), .integer(kept.received),
            .integer(kept.tries), .text(kept.providerID), .text(kept.payerSecret?.revealed), .instant(kept.updatedAt),
            .instant(kept.paidAt), .integer(kept.version),
        ]
    }
}

/// Those the provider has still something to say about, in the order they were asked for.
struct UnsettledPayments: Query {
    static let sql: SQL = """
        SELECT id, provider_id FROM payment WHERE state IN ('opening', 'open', 'processing', 'cancelling') AND id > $1 ORDER BY id LIMIT $2
        """
    let after: ID<VisitPayment>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> (id: ID<VisitPayment>, providerID: String?) {
        (id: try columns.id(0), providerID: try columns.optional(1, columns.text))
    }
}

/// The same, with how their appointments stand.
struct StandingPayments: Query {
    static let sql: SQL = """
        SELECT listed.id, listed.state, listed.updated_at, appointment.state FROM (
            SELECT id, state, updated_at, appointment_id FROM payment
            WHERE state IN ('opening', 'open', 'processing', 'cancelling') AND id > $1 ORDER BY id LIMIT $2
        ) AS listed JOIN appointment ON appointment.id = listed.appointment_id ORDER BY listed.id
        """
    let after: ID<VisitPayment>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }

    struct Row: Sendable {
        let id: ID<VisitPayment>
        let state: VisitPayment.State
        let since: Instant
        let appointment: AppointmentState
    }
    static func row(_ columns: any Columns) throws -> Row {
        Row(
            id: try columns.id(0), state: try columns.choice(1), since: try columns.instant(2),
            appointment: try columns.choice(3))
    }
}

/// Whether somebody has ever given up a message about a payment.
struct WasDiscarded: Query {
    static let sql: SQL = "SELECT 1 FROM audit WHERE subject_id = $1 AND act = 'dead-letter.discarded' LIMIT 1"
    let payment: ID<VisitPayment>
    var bindings: [SQLValue] { [.id(payment)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}

// MARK: Refunds

private let refundColumns = """
    id, payment_id, provider_payment, amount, reason, state, tries, provider_id, created_at, updated_at, way, given_at, recorded_by
    """

extension VisitRefund {
    fileprivate init(_ columns: any Columns) throws {
        let (tries, givenAt) = (try columns.int(6), try columns.optional(11, columns.instant))
        self.init(
            id: try columns.id(0), payment: try columns.id(1), providerPayment: try columns.text(2), amount: try columns.int(3),
            reason: tries == 0 ? .byHand : try columns.choice(4), state: try columns.choice(5), tries: tries,
            providerID: try columns.optional(7, columns.text),
            hand: try givenAt.map { Hand(way: try columns.choice(10), givenAt: $0, recordedBy: try columns.text(12)) },
            createdAt: try columns.instant(8), updatedAt: try columns.instant(9))
    }

    /// What stands in the column of one the provider was never asked for: the column is older than those. `tries` tells them apart.
    fileprivate var keptReason: Reason { reason == .byHand ? .cancelled : reason }
}

struct RefundByID: Query {
    static let sql = SQL("SELECT \(refundColumns) FROM refund WHERE id = $1")
    let id: ID<VisitRefund>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> VisitRefund { try VisitRefund(columns) }
}

/// One that is going to be changed.
struct RefundToChange: Query {
    static let sql = SQL(sqlite: RefundByID.sql.sqlite, postgres: RefundByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<VisitRefund>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> VisitRefund { try VisitRefund(columns) }
}

struct RefundsOfPayment: Query {
    static let sql = SQL("SELECT \(refundColumns) FROM refund WHERE payment_id = $1 ORDER BY id")
    let payment: ID<VisitPayment>
    var bindings: [SQLValue] { [.id(payment)] }
    static func row(_ columns: any Columns) throws -> VisitRefund { try VisitRefund(columns) }
}

struct UnsettledRefunds: Query {
    static let sql = SQL(
        "SELECT \(refundColumns) FROM refund WHERE state IN ('asked', 'pending') AND id > $1 ORDER BY id LIMIT $2")
    let after: ID<VisitRefund>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> VisitRefund { try VisitRefund(columns) }
}

struct InsertRefund: Command {
    static let sql: SQL = """
        INSERT INTO refund (id, payment_id, provider_payment, amount, reason, state, tries, created_at, updated_at, provider_id, way,
            given_at, recorded_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)
        """
    let refund: VisitRefund
    var bindings: [SQLValue] {
        [
            .id(refund.id), .id(refund.payment), .text(refund.providerPayment), .integer(refund.amount),
            .text(refund.keptReason.rawValue), .text(refund.state.rawValue), .integer(refund.tries), .instant(refund.createdAt),
            .text(refund.providerID), .text(refund.hand?.way.rawValue), .instant(refund.hand?.givenAt),
            .text(refund.hand?.recordedBy),
        ]
    }
}

struct UpdateRefund: Command {
    static let sql: SQL = """
        UPDATE refund SET state = $2, tries = $3, provider_id = $4, updated_at = $5, way = $6, given_at = $7, recorded_by = $8
        WHERE id = $1
        """
    let refund: VisitRefund
    var bindings: [SQLValue] {
        [
            .id(refund.id), .text(refund.state.rawValue), .integer(refund.tries), .text(refund.providerID),
            .instant(refund.updatedAt), .text(refund.hand?.way.rawValue), .instant(refund.hand?.givenAt),
            .text(refund.hand?.recordedBy),
        ]
    }
}

// MARK: Comparing

/// When the provider's list was last read to its end.
struct LastReconciliation: Query {
    static let sql: SQL = "SELECT value FROM counter WHERE name = 'payments-compared'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Instant { Instant(secondsSince1970: try columns.integer(0)) }
}

struct NoteReconciliation: Command {
    static let sql: SQL = """
        INSERT INTO counter (name, value) VALUES ('payments-compared', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """
    let now: Instant
    var bindings: [SQLValue] { [.integer(now.secondsSince1970)] }
}

// MARK: Invoices

/// Takes the next number. Nobody else does before this transaction ends, and when it comes to nothing the number is the next again.
struct NextInvoiceNumber: Query {
    static let sql: SQL = """
        INSERT INTO counter (name, value) VALUES ('invoice', 1)
        ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

struct InsertInvoice: Command {
    static let sql: SQL = """
        INSERT INTO invoice (id, number, kind, payment_id, refund_id, patient_id, appointment_id, amount, currency, issued_at,
            tax_rate, tax)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """
    let invoice: Invoice
    var bindings: [SQLValue] {
        [
            .id(invoice.id), .integer(invoice.number), .text(invoice.kind.rawValue), .id(invoice.payment), .id(invoice.refund),
            .id(invoice.patient), .id(invoice.appointment), .integer(invoice.amount), .text(invoice.currency),
            .instant(invoice.issuedAt), .integer(invoice.taxRate), .integer(invoice.tax),
        ]
    }
}

private let invoiceColumns = """
    id, number, kind, payment_id, refund_id, patient_id, appointment_id, amount, currency, issued_at,
    tax_rate, tax
    """

extension Invoice {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), number: try columns.int(1), kind: try columns.choice(2), payment: try columns.id(3),
            refund: try columns.optional(4) { try columns.id($0) }, patient: try columns.id(5), appointment: try columns.id(6),
            amount: try columns.int(7), currency: try columns.text(8), taxRate: try columns.optional(10, columns.int),
            tax: try columns.optional(11, columns.int), issuedAt: try columns.instant(9))
    }
}

struct InvoiceByID: Query {
    static let sql = SQL("SELECT \(invoiceColumns) FROM invoice WHERE id = $1")
    let id: ID<Invoice>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Invoice { try Invoice(columns) }
}

/// The invoice of a payment, if there was one.
struct InvoiceOfPayment: Query {
    static let sql = SQL("SELECT \(invoiceColumns) FROM invoice WHERE payment_id = $1 AND kind = 'invoice'")
    let payment: ID<VisitPayment>
    var bindings: [SQLValue] { [.id(payment)] }
    static func row(_ columns: any Columns) throws -> Invoice { try Invoice(columns) }
}

/// What credits a refund, if it was charged before. A patient has few.
struct CreditNoteOfRefund: Query {
    static let sql = SQL(
        "SELECT \(invoiceColumns) FROM invoice WHERE patient_id = $1 AND refund_id = $2 AND kind = 'credit-note'")
    let patient: ID<Patient>
    let refund: ID<VisitRefund>
    var bindings: [SQLValue] { [.id(patient), .id(refund)] }
    static func row(_ columns: any Columns) throws -> Invoice { try Invoice(columns) }
}

struct InvoicesOfPatient: Query {
    static let sql = SQL("SELECT \(invoiceColumns) FROM invoice WHERE patient_id = $1 AND number > $2 ORDER BY number LIMIT $3")
    let patient: ID<Patient>
    let after: Int
    let limit: Int
    var bindings: [SQLValue] { [.id(patient), .integer(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Invoice { try Invoice(columns) }
}

struct InvoicesAfter: Query {
    static let sql = SQL("SELECT \(invoiceColumns) FROM invoice WHERE number > $1 ORDER BY number LIMIT $2")
    let after: Int
    let limit: Int
    var bindings: [SQLValue] { [.integer(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Invoice { try Invoice(columns) }
}
