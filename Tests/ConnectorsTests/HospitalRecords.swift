import Connectors
import Notation
import Partners
import Testing

/// Appointments in a hospital's records, over FHIR (MC-4).
@Suite struct HospitalRecords {
    private func appointment(_ status: RecordsAppointment.Status = .booked, _ id: String = "a-1") -> RecordsAppointment {
        RecordsAppointment(
            identifier: EffectKey(id)!, status: status, start: Instant("2026-03-02T09:00:00Z")!,
            end: Instant("2026-03-02T09:30:00Z")!, participants: [Personal("Patient/1"), Personal("Practitioner/2")])
    }

    private func connector(
        _ simulator: TrialSimulator, secret: String = "simulated-secret", seconds: Int = 10
    ) throws -> RecordsConnector {
        let settings = RecordsSettings(
            base: "\(simulator.base)/fhir", tokens: "\(simulator.base)/oauth/token", client: "clinic", secret: Personal(secret),
            system: "https://clinic.example/appointments")
        return RecordsConnector(
            settings, way: try simulator.way(.records, seconds: seconds), tokens: try simulator.way(.records),
            clock: MachineClock())
    }

    private func tokens(_ simulator: TrialSimulator) async throws -> Int { try await simulator.number("fhir", "token") }

    @Test(arguments: OnceForEachKey.troubles) func `the records have an appointment once, whatever happens on the way`(
        trouble: OnceForEachKey.Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            let connector = try connector(simulator, seconds: trouble.seconds)
            // The token is fetched while all is well.
            #expect(await connector.find(EffectKey("a-1")!) == .done(nil))
            try await simulator.set("fhir", trouble.mode)
            let first = await connector.create(appointment())
            #expect(first.kind == trouble.known, "\(first)")
            #expect(try await simulator.effects("fhir", "appointment", EffectKey("a-1")!) == trouble.done)
            try await simulator.set("fhir", "{}")
            let other = try self.connector(simulator)
            let again = await other.create(appointment())
            let version = try #require(again.value)
            #expect(version.version == "1")
            #expect(await other.find(EffectKey("a-1")!).value??.version == version)
            #expect(try await simulator.effects("fhir", "appointment", EffectKey("a-1")!) == 1)
        }
    }

    @Test func `a change goes over the version it was decided on, and over no other`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try connector(simulator)
            let first = try #require(await connector.create(appointment()).value)
            let changed = await connector.update(appointment(.cancelled), at: first)
            #expect(changed == .done(.changed(RecordsVersion(id: first.id, version: "2"))))
            // Said twice it is done once.
            #expect(await connector.update(appointment(.cancelled), at: first) == .done(.conflict))
            #expect(await connector.find(EffectKey("a-1")!).value??.version.version == "2")
        }
    }

    @Test func `what has changed is listed in its order, page by page, and only what is ours`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try connector(simulator)
            let start = MachineClock().now
            for number in 0..<105 { _ = try #require(await connector.create(appointment(.booked, "a-\(number)")).value) }
            let first = try #require(await connector.changes(since: start - .seconds(1), after: nil).value)
            #expect(first.elements.map(\.identifier) == (0..<100).map { "a-\($0)" })
            #expect(first.elements[0].says(appointment()))
            let second = try #require(await connector.changes(since: start, after: try #require(first.next)).value)
            #expect(second.elements.map(\.identifier) == (100..<105).map { "a-\($0)" } && second.next == nil)
            // Later changes alone, theirs too.
            let later = MachineClock().now
            try await simulator.changeRecord("a-7", #"{"status":"cancelled"}"#)
            let changed = try #require(await connector.changes(since: later, after: nil).value)
            #expect(changed.elements.map(\.identifier) == ["a-7"] && changed.elements[0].status == "cancelled")
            #expect(changed.elements[0].version.version == "2")
            // Of another naming system nothing is ours.
            let settings = RecordsSettings(
                base: "\(simulator.base)/fhir", tokens: "\(simulator.base)/oauth/token", client: "clinic",
                secret: Personal("simulated-secret"), system: "https://other.example/appointments")
            let other = RecordsConnector(
                settings, way: try simulator.way(.records, seconds: 10), tokens: try simulator.way(.records),
                clock: MachineClock())
            #expect(try #require(await other.changes(since: start - .seconds(1), after: nil).value).elements.isEmpty)
        }
    }

    @Test func `a next page in somebody else's house is not fetched, and a list out of order is not believed`() throws {
        let settings = RecordsSettings(
            base: "https://records.example/fhir", tokens: "https://records.example/t", client: "c", secret: Personal("s"),
            system: "https://clinic.example/a")
        let format = FHIRFormat(settings)
        let now = Instant("2026-03-02T09:00:00Z")!
        #expect(format.listing(since: now, after: "https://records.example/fhir?page=2") != nil)
        for evil in ["https://evil.example/fhir?page=2", "https://records.example/fhirx", "http://records.example/fhir/x"] {
            #expect(format.listing(since: now, after: evil) == nil)
        }
        func bundle(_ times: [String]) -> OutboundAnswer {
            let entries = times.enumerated().map { number, time in
                #"{"resource":{"resourceType":"Appointment","id":"\#(number)","meta":{"versionId":"1","lastUpdated":"\#(time)"},"identifier":[{"system":"https://clinic.example/a","value":"a-\#(number)"}],"status":"booked"}}"#
            }
            let body = #"{"resourceType":"Bundle","entry":[\#(entries.joined(separator: ","))]}"#
            return OutboundAnswer(status: 200, body: Array(body.utf8))
        }
        let (early, late) = ("2026-03-02T08:00:00.5Z", "2026-03-02T08:30:00+00:00")
        if case .value(let page) = format.listed(bundle([early, late]), now: now) {
            #expect(page.elements.count == 2)
        } else {
            Issue.record("it was in order")
        }
        if case .value = format.listed(bundle([late, early]), now: now) { Issue.record("it was not in order") }
    }

    @Test func `a token is fetched once for many, and another when it is taken back`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try connector(simulator)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask { #expect(await connector.create(appointment(.booked, "a-\(number)")).kind == .done) }
                }
            }
            #expect(try await tokens(simulator) == 1)
            try await simulator.set("fhir", #"{"forgetTokens":true}"#)
            try await simulator.set("fhir", "{}")
            #expect(await connector.create(appointment(.booked, "b")).kind == .done)
            #expect(try await tokens(simulator) == 2)
        }
    }

    @Test
    func `a secret that is refused is the operator's to mend: nothing is lost by it, and nothing is called without a token`()
        async throws
    {
        try await TrialSimulator.run { simulator in
            let stranger = try connector(simulator, secret: "wrong")
            #expect(
                await stranger.create(appointment())
                    == .later(after: nil, reason: "it does not take our credentials (401)"))
            #expect(try await simulator.requests("fhir") == 1)
            #expect(try await simulator.effects("fhir", "appointment", EffectKey("a-1")!) == 0)
        }
    }

    @Test func `an appointment is made unless there is one, and written over one version only`() throws {
        let settings = RecordsSettings(
            base: "https://ehr.example/fhir", tokens: "https://ehr.example/token", client: "c", secret: Personal("s"),
            system: "https://clinic.example/a")
        let format = FHIRFormat(settings)
        let create = format.creating(appointment())
        #expect(create.method == .post && create.url == "https://ehr.example/fhir/Appointment")
        #expect(create.headers.contains { $0 == ("If-None-Exist", "identifier=https%3A%2F%2Fclinic.example%2Fa%7Ca-1") })
        #expect(
            String(decoding: create.body, as: UTF8.self)
                == #"{"resourceType":"Appointment","identifier":[{"system":"https://clinic.example/a","value":"a-1"}],"status":"booked","start":"2026-03-02T09:00:00Z","end":"2026-03-02T09:30:00Z","participant":[{"actor":{"reference":"Patient/1"},"status":"accepted"},{"actor":{"reference":"Practitioner/2"},"status":"accepted"}]}"#
        )
        let update = format.updating(appointment(), at: RecordsVersion(id: "17", version: "3"))
        #expect(update.method == .put && update.url == "https://ehr.example/fhir/Appointment/17")
        #expect(update.headers.contains { $0 == ("If-Match", #"W/"3""#) })
        let two = OutboundAnswer(status: 412)
        #expect(format.created(two, now: Instant(microseconds: 0)) == .refused("it has this appointment more than once (412)"))
    }
}
