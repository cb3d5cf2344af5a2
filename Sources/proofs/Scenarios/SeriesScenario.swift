import Foundation
import LoopbackClient
import Notation
import Processes

/// Visits that come again, across the night the clocks change.
enum SeriesScenario {
    static let scenario = Scenario(
        "series",
        """
        A visit comes every week, past the night clocks change: booked whole or not at all, an hour later from one week on, then ended from \
        another on; a hospital's records have each visit once, and nothing is left of what was given up.
        """, shows: ["GF-3", "HB-4", "MC-2"], needs: ClinicNeeds(.records)
    ) { scene in
        let clinic = scene.clinic
        // Half a year from any day there is a night on which clocks change.
        let body =
            #"{"name":"Every week","durationMinutes":30,"specialty":"physiotherapy","policy":{"latestHorizonDays":360,"cancellationCutoffMinutes":0}}"#
        let visitType = try await clinic.makeVisitType(body)
        let start = try await firstStart(clinic, visitType)
        let weeks = 32
        func series(_ patient: Int, _ start: Instant) -> String {
            #"{"visitType":"\#(visitType)","practitioner":"\#(practitioner)","patients":["\#(ScenarioClinic.patient(patient))"],"start":"\#(start)","rule":"FREQ=WEEKLY;COUNT=\#(weeks)"}"#
        }
        let booked = try await clinic.ask("POST", "/v1/appointment-series", body: series(0, start))
        let visits = booked["appointments"]?.array ?? []
        let starts = visits.compactMap(\.start)
        scene.expect(.states, "\(weeks) visits are booked", visits.count { $0.isBooked }, is: weeks)
        scene.expect(.states, "each begins at the same hour by the wall", Set(starts.map(Self.byTheWall)).count, is: 1)
        scene.expect(
            .states, "and clocks change on the way", Set(starts.map { $0.microseconds / 60_000_000 % 1440 }).count == 2)

        // Somebody else wants every week from the third on: the first that is taken refuses all of it.
        let before = try await clinic.number("SELECT count(*) FROM appointment")
        let refused = try await clinic.send("POST", "/v1/appointment-series", body: series(1, start + .days(14)))
        scene.expect(.states, "a series that is in the way of another is refused", refused.status, is: 409)
        scene.expect(
            .states, "and none of it is booked", try await clinic.number("SELECT count(*) FROM appointment"), is: before)

        // What is cancelled before the records have heard of it, they never hear of.
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let (moved, ended) = (10, 24)
        let path = "/v1/appointment-series/\(booked.id)"
        let later = (starts[moved] + .hours(1)).description
        let after = try await clinic.ask(
            "POST", "\(path)/rescheduling",
            body: #"{"scope":"following","appointment":"\#(visits[moved].id)","start":"\#(later)"}"#)
        let changed = (after["appointments"]?.array ?? []).compactMap(\.start)
        scene.expect(
            .states, "from the eleventh on they are an hour later, and those before are as they were",
            changed == starts.enumerated().map { $0.offset < moved ? $0.element : $0.element + .hours(1) },
            "\(changed.count) visits")
        let final = try await clinic.ask(
            "POST", "\(path)/cancellation", body: #"{"scope":"following","appointment":"\#(visits[ended].id)"}"#)
        let states = (final["appointments"]?.array ?? []).map(\.state)
        scene.expect(
            .states, "from the twenty-fifth on they are cancelled",
            states == (0..<weeks).map { $0 < ended ? "booked" : "cancelled" }, "\(states)")
        try await nothingIsLeft(scene, active: ended)
        // The hours that were given up are somebody else's now.
        let again = try await clinic.ask(
            "POST", "/v1/appointment-series", body: series(1, starts[ended]).replacing("COUNT=\(weeks)", with: "COUNT=4"))
        scene.expect(.states, "what was given up is booked by somebody else", again["appointments"]?.array?.count ?? 0, is: 4)
        try await recordsFollow(scene, visits: visits.map(\.id), moved: weeks - moved)
    }

    /// Mia Lindqvist, by the demo clinic's book.
    private static let practitioner = "01900000-0000-7000-8000-000000000105"

    private static func firstStart(_ clinic: ScenarioClinic, _ visitType: String) async throws -> Instant {
        let found = try await clinic.ask(
            "GET", "/v1/free-times?visitType=\(visitType)&practitioner=\(practitioner)&from=\(clinic.now + .days(1))&limit=200")
        // A weekday no holiday of the demo clinic falls on, with an hour free behind it.
        let fits = found.items.compactMap(\.start).first { start in
            let wall = byTheWall(start)
            return (3...5).contains(wall.weekday) && wall.minute == 10 * 60
        }
        guard let fits else { throw ProcessFault("no time fits a series") }
        return fits
    }

    /// The weekday, Sunday being 1, and the minute of the day in Berlin, by another calendar than the program's own.
    private static func byTheWall(_ instant: Instant) -> WallTime {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(identifier: "Europe/Berlin")!
        let parts = calendar.dateComponents(
            [.weekday, .hour, .minute], from: Date(timeIntervalSince1970: Double(instant.secondsSince1970)))
        return WallTime(weekday: parts.weekday ?? 0, minute: (parts.hour ?? 0) * 60 + (parts.minute ?? 0))
    }

    private static func nothingIsLeft(_ scene: Scene, active: Int) async throws {
        let clinic = scene.clinic
        let orphans = try await clinic.number(
            "SELECT count(*) FROM claim JOIN appointment ON appointment.id = appointment_id WHERE state = 'cancelled'")
        scene.expect(.states, "no claim is left of what was given up", orphans, is: 0)
        let claims = try await clinic.number("SELECT count(*) FROM claim WHERE holder_id = \(clinic.sql(id: practitioner))")
        scene.expect(.states, "the practitioner is claimed once for each visit that is left", claims, is: active)
        let timers = try await clinic.number(
            """
            SELECT count(*) FROM outbox JOIN appointment ON appointment.id = subject WHERE topic = 'appointment.reminder' \
            AND outbox.state = 'ready' AND appointment.state = 'cancelled'
            """)
        scene.expect(.outbox, "nobody will be reminded of what was given up", timers, is: 0)
    }

    private static func recordsFollow(_ scene: Scene, visits: [String], moved: Int) async throws {
        let clinic = scene.clinic
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let ledger = try await clinic.ledger()
        let made = ledger.of("fhir", "appointment").filter { visits.contains($0.key) }
        scene.expect(.ledger, "the records have each visit of the series once", made.count, is: visits.count)
        let link = try await clinic.number(
            "SELECT count(*) FROM records_link JOIN appointment ON appointment.id = appointment_id WHERE our_version < version")
        scene.expect(.ledger, "each as it is by now", link, is: 0)
        let failed = clinic.logged("outbox.failed").count
        scene.expect(.attempts, "each took one attempt", failed, is: 0)
        // They are looked at now and then, too: until both have counted the last of it.
        let isCounted = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            let line = #"mediconnect_outbound_calls_total{destination="ehr",outcome="done"}"#
            let counted = try await clinic.metrics()[line] ?? 0
            let asked = try await clinic.ledger().requests["fhir"] ?? 0
            return Int(counted) == asked
        }
        scene.expect(.metrics, "the metric counts each call to the records, as they do", isCounted)
        try await scene.expectSoon(.log, "each change of the series has its line", is: [3, 1, 1]) {
            ["http.bookSeries", "http.rescheduleSeries", "http.cancelSeries"].map { clinic.logged($0).count }
        }
        scene.count("visits", visits.count)
    }
}

/// A weekday and a minute of it, as a clock on the wall shows them.
private struct WallTime: Hashable {
    let weekday: Int
    let minute: Int
}
