import Notation
import Scheduling
import Storage

/// How far a look through the appointments has come that goes in order of their start.
struct AppointmentPlace: Sendable, Comparable {
    let start: Instant
    let id: ID<Appointment>

    init(start: Instant, id: ID<Appointment>) { (self.start, self.id) = (start, id) }

    /// Of a row whose first columns are those of `listed`.
    init(_ columns: any Columns) throws { (start, id) = (try columns.instant(0), try columns.id(1)) }

    static func < (left: AppointmentPlace, right: AppointmentPlace) -> Bool { (left.start, left.id) < (right.start, right.id) }

    /// The appointments behind a place as a table `listed`: `start_at`, `id` and these columns. `$1` and `$2` are the place, `$3` is how many.
    static func listed(_ columns: String) -> String {
        """
        (SELECT start_at, id, \(columns) FROM appointment
            WHERE start_at >= $1 AND (start_at, id) > ($1, $2) ORDER BY start_at, id LIMIT $3) AS listed
        """
    }

    /// What `listed` takes.
    func bindings(_ limit: Int) -> [SQLValue] { [.instant(start), .id(id), .integer(limit)] }
}
