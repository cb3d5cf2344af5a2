public import Notation
import People
public import Scheduling
import Storage

extension Clinic {
    /// The series an appointment belongs to; there is none for one that was booked alone.
    public func series(of appointment: ID<Appointment>, for call: Call) async throws -> SeriesWithVisits {
        let id = try await database.read { try $0.first(SeriesOfAppointment(appointment: appointment)) }
        // What is not there, or not theirs to see, is recorded in the same words.
        return try await series(id ?? appointment.of(), for: call)
    }

    /// A series and its appointments as they are now. Somebody who may not see them hears that there is none; of those somebody else
    /// was given meanwhile they see none.
    public func series(_ id: ID<AppointmentSeries>, for call: Call) async throws -> SeriesWithVisits {
        let (series, sealed) = try await disclose("read.series", id, to: call) { look in
            guard let series = try look.looking.first(SeriesByID(id: id)) else { throw Refusal.recordUnknown }
            let patients = series.patients.map { $0.of(Patient.self) }
            look.trail.concerns(patients)
            let visits = try look.looking.fetch(
                each: try look.looking.fetch(VisitsOfSeries(series: id)).map { AppointmentByID(id: $0) }
            ).compactMap(\.first)
            let seen = try visits.filter { try look.permits($0.kept.seeing, with: $0.kept) }
            guard !seen.isEmpty else { throw Refusal.recordUnknown }
            return (series, seen)
        }
        return SeriesWithVisits(series: series, visits: try await opened(sealed))
    }
}
