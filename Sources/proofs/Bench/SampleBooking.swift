import Foundation
import Processes
import Notation
import Outbox
import People
import Scheduling
import StorageSQLite
import Workflows

/// One booking made by the product itself in a clinic of its own, and the rows it wrote.
struct SampleBooking {
    let patterns: [RowPattern]

    /// What is left of a booking after a while.
    enum Age {
        /// Weeks old, for a visit still ahead: its answer is forgotten, its event delivered, its reminders wait.
        case ahead
        /// The visit was long ago.
        case behind
    }

    /// Books one visit. Unless `delivered`, the outbox is as the booking left it.
    static func make(
        _ visitType: ID<VisitType>, in empty: DataFolder, under folder: TemporaryFolder, delivered: Bool = false
    ) async throws -> SampleBooking {
        let house = DataFolder(path: folder.file("sample-\(visitType)-\(delivered)"))
        if FileManager.default.fileExists(atPath: house.path) { try FileManager.default.removeItem(atPath: house.path) }
        try house.copy(from: empty)
        let database = try SQLiteDatabase(SQLiteSettings(path: house.databasePath))
        let surroundings = Surroundings.machine()
        let clinic = Clinic(database: database, surroundings: surroundings, master: try house.master)
        let values = try await book(visitType, clinic)
        if delivered { try await deliver(database, clinic) }
        await database.close()
        let tables = Schema.growingTables.subtracting(["patient"]).sorted(by: parentsFirst)
        let file = try PlainFile(house.databasePath)
        return SampleBooking(patterns: try PatternReader(sample: values).patterns(in: file, tables: tables))
    }

    /// The patterns as time leaves them: what the product deletes in the meantime is not there.
    func patterns(of age: Age) -> [RowPattern] {
        patterns.compactMap { pattern in
            var pattern = pattern
            switch (pattern.table, age) {
            case ("idempotency", _), ("audit_unsealed", _): return nil
            case ("outbox", .behind): return nil
            case ("outbox", .ahead) where pattern.constant("state") != .text("ready"): return nil
            case ("appointment", .behind): pattern.set("state", .constant(.text("fulfilled")))
            default: break
            }
            return pattern
        }
    }

    private static func deliver(_ database: SQLiteDatabase, _ clinic: Clinic) async throws {
        let outbox = Outbox(
            database: database, surroundings: clinic.surroundings, workerName: "sample", handlers: clinic.deliveries)
        while try await outbox.step() > 0 {}
    }

    private static func book(_ visitType: ID<VisitType>, _ clinic: Clinic) async throws -> BookingValues {
        let patient: ID<Participant> = BenchClinic.id(.patient, 1)
        let start = BenchClinic.midnight(of: clinic.surroundings.clock.now, plus: 200) + .hours(9)
        let request = BookingRequest(
            id: clinic.surroundings.identifiers.next(Appointment.self), visitType: visitType,
            practitioner: BenchClinic.id(.practitioner, 1), start: start, patients: [patient],
            content: Array(repeating: 7, count: 32))
        let attempt = Attempt(key: "bench-\(request.id!)", operation: "bookAppointment", fingerprint: request.content)
        let caller = Caller(role: .patient, subject: patient.of())
        let call = Call(
            caller: caller, requestID: "\(clinic.surroundings.identifiers.next(Call.self))",
            attempt: attempt)
        let booked = try await clinic.book(request, call: call, wording: wording(for: caller)).value().appointment
        return BookingValues(
            appointment: booked.id.of(), practitioner: booked.practitioner.of(), patient: patient.of(),
            room: booked.room?.of() ?? ID(high: 0, low: 1), device: booked.device?.of() ?? ID(high: 0, low: 2), start: start,
            now: booked.createdAt)
    }

    /// What the server answers, byte for byte: the stored answer is the largest part of a booking.
    static func wording(for caller: Caller) -> Wording<Booked> {
        Wording(
            done: { booked in
                var json = JSONWriter()
                booked.appointment.write(to: &json, for: caller)
                return StoredAnswer(
                    status: 201, etag: booked.appointment.etag, location: "/v1/appointments/\(booked.appointment.id)",
                    body: json.bytes)
            },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
    }

    private static func parentsFirst(_ left: String, _ right: String) -> Bool {
        (left == "appointment" ? 0 : 1, left) < (right == "appointment" ? 0 : 1, right)
    }
}
