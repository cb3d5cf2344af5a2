import Notation
import Scheduling
public import Storage

/// Looks a whole database over: the schema's version, and whether anything in it breaks a promise. Reads everything, so it
/// is for the command line and for tests, never for a request.
public enum ClinicCheck {
    public struct Report: Sendable {
        public let schema: Int
        public let appointments: Int
        public let problems: [String]
    }

    public static func run(_ database: some Database, newestSchema: Int) async throws -> Report {
        try await database.read { transaction in
            let schema = try transaction.fetch(AppliedSteps()).last?.number ?? 0
            guard schema == newestSchema else {
                let fault =
                    schema > newestSchema
                    ? StorageFault.newerSchema(found: schema, known: newestSchema)
                    : .olderSchema(found: schema, known: newestSchema)
                return Report(schema: schema, appointments: 0, problems: [fault.description])
            }
            var problems: [String] = []
            for pair in try transaction.fetch(OverlappingClaims()) {
                problems.append(
                    "double booking: appointments \(pair.first) and \(pair.second) have the same time of \(pair.holder)")
            }
            for id in try transaction.fetch(UnclaimedAppointments()) {
                problems.append("appointment \(id) takes its time but its practitioner is not claimed for it")
            }
            for id in try transaction.fetch(OrphanedClaims()) {
                problems.append("appointment \(id) gave up its time but something is still claimed for it")
            }
            if let counter = try transaction.first(InvoiceCounter()), !counter.fits {
                problems.append("the counter of invoices is at \(counter.value), and the newest has the number \(counter.newest)")
            }
            for amiss in try transaction.fetch(InvoiceNumbersAmiss()) {
                problems.append(
                    amiss.next == amiss.number
                        ? "the invoice number \(amiss.number) was given twice"
                        : "no invoice has a number between \(amiss.number) and \(amiss.next)")
            }
            return Report(schema: schema, appointments: try transaction.first(HowManyAppointments()) ?? 0, problems: problems)
        }
    }
}

/// Claims of one lane that overlap; there are never any. Compares neighbours in order of time: the schema's own trigger is
/// not trusted here.
struct OverlappingClaims: Query {
    static let sql: SQL = """
        SELECT holder_id, appointment_id, next_appointment FROM (
            SELECT holder_id, appointment_id, to_at,
                lead(from_at) OVER lanes AS next_from, lead(appointment_id) OVER lanes AS next_appointment
            FROM claim WINDOW lanes AS (PARTITION BY holder_id, lane ORDER BY from_at)
        ) AS neighbours WHERE next_from < to_at LIMIT 100
        """
    var bindings: [SQLValue] { [] }
    struct Row: Sendable {
        let holder: ID<Resource>
        let first: ID<Appointment>
        let second: ID<Appointment>
    }
    static func row(_ columns: any Columns) throws -> Row {
        Row(holder: try columns.id(0), first: try columns.id(1), second: try columns.id(2))
    }
}

struct UnclaimedAppointments: Query {
    static let sql: SQL = """
        SELECT id FROM appointment WHERE state NOT IN ('cancelled', 'entered-in-error') AND NOT EXISTS (
            SELECT 1 FROM claim WHERE claim.appointment_id = appointment.id AND claim.holder_id = appointment.practitioner_id
                AND claim.from_at <= appointment.start_at AND claim.to_at >= appointment.end_at) LIMIT 100
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<Appointment> { try columns.id(0) }
}

struct OrphanedClaims: Query {
    static let sql: SQL = """
        SELECT DISTINCT appointment_id FROM claim JOIN appointment ON appointment.id = claim.appointment_id
        WHERE appointment.state IN ('cancelled', 'entered-in-error') LIMIT 100
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<Appointment> { try columns.id(0) }
}

/// Where the numbers of invoices do not go on by one, from 0 on.
struct InvoiceNumbersAmiss: Query {
    static let sql: SQL = """
        SELECT number, next_number FROM (
            SELECT number, lead(number) OVER (ORDER BY number) AS next_number FROM (
                SELECT 0 AS number UNION ALL SELECT number FROM invoice) AS numbers
        ) AS neighbours WHERE next_number <> number + 1 ORDER BY number LIMIT 100
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (number: Int, next: Int) {
        (number: try columns.int(0), next: try columns.int(1))
    }
}

struct HowManyAppointments: Query {
    static let sql: SQL = "SELECT count(*) FROM appointment"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
