import Notation
import Scheduling
import Storage

private let seriesColumns = """
    id, visit_type_id, practitioner_id, patients, rule, start_at, zone, exceptions, created_by, created_at, version
    """

extension AppointmentSeries {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), visitType: try columns.id(1), practitioner: try columns.id(2), patients: try columns.ids(3),
            rule: try columns.text(4), start: try columns.instant(5), zone: try columns.text(6),
            exceptions: try columns.texts(7).compactMap { CalendarDay($0) }, createdBy: try columns.text(8),
            createdAt: try columns.instant(9), version: try columns.int(10))
    }
}

struct SeriesByID: Query {
    static let sql = SQL("SELECT \(seriesColumns) FROM appointment_series WHERE id = $1")
    let id: ID<AppointmentSeries>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> AppointmentSeries { try AppointmentSeries(columns) }
}

/// A series that is going to be changed: of two who change it as one, the second comes after the first.
struct SeriesToChange: Query {
    static let sql = SQL(sqlite: SeriesByID.sql.sqlite, postgres: SeriesByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<AppointmentSeries>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> AppointmentSeries { try AppointmentSeries(columns) }
}

/// A series' appointments in the order of its rule.
struct VisitsOfSeries: Query {
    static let sql: SQL = "SELECT appointment_id FROM series_visit WHERE series_id = $1 ORDER BY number"
    let series: ID<AppointmentSeries>
    var bindings: [SQLValue] { [.id(series)] }
    static func row(_ columns: any Columns) throws -> ID<Appointment> { try columns.id(0) }
}

/// To which series an appointment belongs, if to any.
struct SeriesOfAppointment: Query {
    static let sql: SQL = "SELECT series_id FROM series_visit WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> ID<AppointmentSeries> { try columns.id(0) }
}

struct InsertSeries: Command {
    static let sql: SQL = """
        INSERT INTO appointment_series (id, visit_type_id, practitioner_id, patients, rule, start_at, zone, exceptions, created_by,
            created_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """
    let series: AppointmentSeries
    var bindings: [SQLValue] {
        [
            .id(series.id), .id(series.visitType), .id(series.practitioner), .ids(series.patients), .text(series.rule),
            .instant(series.start), .text(series.zone), .texts(series.exceptions.map(\.description)), .text(series.createdBy),
            .instant(series.createdAt), .integer(series.version),
        ]
    }
}

struct InsertSeriesVisit: Command {
    static let sql: SQL = "INSERT INTO series_visit (series_id, number, appointment_id) VALUES ($1, $2, $3)"
    let series: ID<AppointmentSeries>
    let number: Int
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(series), .integer(number), .id(appointment)] }
}

/// Replaces version n by version n + 1. No row changed means somebody else was first.
struct AdvanceSeries: Command {
    static let sql: SQL = "UPDATE appointment_series SET version = $2 WHERE id = $1 AND version = $2 - 1"
    let series: ID<AppointmentSeries>
    let version: Int
    var bindings: [SQLValue] { [.id(series), .integer(version)] }
}
