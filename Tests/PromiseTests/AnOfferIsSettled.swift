import Notation
import Outbox
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-9: what becomes of an offer that was taken, where somebody else has a say in it, and what is written down of each step.
    @Suite struct AnOfferIsSettled {
        // MARK: Another calendar

        /// One and two wait for a time with a practitioner whose calendar is somebody else's; the first takes what is offered.
        private func taken(
            _ engine: Engine, _ body: (ElsewhereFixture, WaitlistFixture, _ before: WaitlistPlace) async throws -> Void
        ) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                let waitlist = WaitlistFixture(fixture: clinic.fixture)
                try await waitlist.stayAwake()
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                let before = try await waitlist.place(1)
                let had = try await clinic.book(at: waitlist.start())
                try await clinic.run()
                _ = try await clinic.fixture.clinic.cancel(
                    AppointmentTarget(id: had.id), reason: .desk, call: waitlist.desk, wording: .anything()
                ).value()
                try await clinic.run()
                let offer = try #require(try await waitlist.offers(.open).first)
                let accepted = try await waitlist.accept(offer, by: 1).value()
                #expect(accepted.state == .pending, "their calendar is asked")
                let meanwhile = try await waitlist.place(1)
                #expect(meanwhile.state == .waiting && meanwhile.offer == offer.id, "nobody has said yes yet")
                #expect(try await waitlist.accept(offer, by: 1).refusal == .transitionNotAllowed)
                try await body(clinic, waitlist, before)
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `who takes what another calendar agrees to waits no more`(engine: Engine) async throws {
            try await taken(engine) { clinic, waitlist, _ in
                try await clinic.run()
                let place = try await waitlist.place(1)
                #expect(place.state == .booked && place.offer == nil)
                #expect(try await waitlist.offers().map(\.state) == [.accepted])
                #expect(try await waitlist.acts(of: 1) == ["joined", "offered", "accepted", "booked"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `who takes what another calendar then refuses keeps their place, and the next is asked`(engine: Engine) async throws
        {
            try await taken(engine) { clinic, waitlist, before in
                clinic.theirs.become(.refuses)
                try await clinic.run()
                let place = try await waitlist.place(1)
                #expect(place.state == .waiting && place.offer == nil && place.endedAt == nil)
                #expect(place.entry.since == before.entry.since && place.entry.missedOffers == 0)
                #expect(try await waitlist.offers().map(\.state) == [.revoked, .open])
                #expect(try await waitlist.thinking() == [2], "nobody is offered the same time twice")
                #expect(try await waitlist.acts(of: 1) == ["joined", "offered", "accepted", "revoked"])
                // Another time is theirs first.
                let next = try await clinic.book(patient: 3, at: waitlist.start(6))
                clinic.theirs.become(.agrees)
                try await clinic.run()
                await clinic.fixture.cancel(next.id, by: waitlist.plan.desk())
                try await clinic.run()
                #expect(try await waitlist.thinking(at: waitlist.start(6)) == [1])
            }
        }

        @Test(arguments: Engine.allCases)
        func `and so does who takes what another calendar is silent about`(engine: Engine) async throws {
            try await taken(engine) { clinic, waitlist, before in
                clinic.theirs.become(.hangs)
                try await clinic.run(for: ClinicSettings().confirmedWithin + .minutes(5))
                let place = try await waitlist.place(1)
                #expect(place.state == .waiting && place.offer == nil)
                #expect(place.entry.since == before.entry.since && place.entry.missedOffers == 0)
                #expect(try await waitlist.offers().first?.state == .revoked)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who leaves the list while another calendar is asked has left it, and the next is asked`(engine: Engine) async throws
        {
            try await taken(engine) { clinic, waitlist, _ in
                let place = try await waitlist.place(1)
                _ = try await clinic.fixture.clinic.leaveWaitlist(
                    WaitlistTarget(id: place.id), call: Call(caller: waitlist.plan.patientCaller(1), requestID: "leave"),
                    wording: .anything()
                ).value()
                try await clinic.run()
                #expect(try await waitlist.place(1).state == .withdrawn)
                #expect(try await waitlist.thinking() == [2])
                #expect(clinic.theirs.standing.isEmpty)
            }
        }

        // MARK: Money

        @Test(arguments: Engine.allCases)
        func `an offer that costs something is paid by the patient, and taken unpaid by staff who say why`(
            engine: Engine
        ) async throws {
            let plan = ClinicPlan { $0.price = PayingClinic.price }
            try await WaitlistFixture.open(engine, plan) { waitlist in
                _ = try await waitlist.join(1).value()
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                let offer = try #require(try await waitlist.offers(.open).first)
                #expect(try await waitlist.accept(offer, by: 1).refusal == .paymentNeeded)
                func accept(_ reason: Personal<String>?) async throws -> Reply<Appointment> {
                    try await waitlist.fixture.clinic.acceptOffer(
                        offer.id, unpaidReason: reason, call: waitlist.desk, wording: .anything())
                }
                #expect(try await accept(nil).refusal == .overrideNeedsReason)
                #expect(try await waitlist.thinking() == [1], "it stands until it is answered")
                let taken = try await accept(Personal("pays at the counter")).value()
                #expect(taken.state == .booked)
            }
        }

        // MARK: Several people at a time

        @Test(arguments: Engine.allCases)
        func `while a time is offered for one kind of visit, who waits for another has their turn after that`(
            engine: Engine
        ) async throws {
            let plan = ClinicPlan {
                $0.lanes = 2
                $0.lanesOffered = 2
            }
            try await WaitlistFixture.open(engine, plan) { waitlist in
                let (fixture, start) = (waitlist.fixture, waitlist.start())
                _ = try await waitlist.join(1).value()
                _ = try await waitlist.join(2) {
                    $0 = WaitlistRequest(patient: $0.patient, visitType: plan.procedure, wantsOffers: true)
                }
                .value()
                let consultation = try #require(await fixture.book(patient: 0, at: start, by: plan.desk()).told)
                let request = BookingRequest(
                    visitType: plan.procedure, practitioner: plan.practitioner(0), start: start, patients: [plan.patient(3)])
                let procedure = try #require(await fixture.ask(.book(request), by: plan.desk()).told)
                for id in [consultation.id, procedure.id] {
                    _ = try await fixture.clinic.cancel(
                        AppointmentTarget(id: id), reason: .desk, call: waitlist.desk, wording: .anything()
                    ).value()
                }
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [1])
                let first = try #require(try await waitlist.offers(.open).first)
                _ = try await waitlist.accept(first, by: 1).value()
                fixture.clock.advance(by: .hours(4) + .minutes(1))
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [2], "the other seat")
                let second = try #require(try await waitlist.offers(.open).first)
                #expect(second.time.visitType == plan.procedure)
                let taken = try await waitlist.accept(second, by: 2).value()
                #expect(taken.state == .booked && taken.visit.from == start)
                try await waitlist.isSound()
            }
        }

        // MARK: Specialties

        @Test(arguments: Engine.allCases)
        func `who waits for a specialty is offered only what is of it`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                let refused = try await waitlist.join(1) { $0.specialty = "surgery" }
                #expect(refused.refusal == .practitionerUnsuitable)
                _ = try await waitlist.join(1) { $0.specialty = "general" }.value()
                _ = try await waitlist.join(2) { $0.specialty = "general" }.value()
                // As after a practitioner's specialty has changed.
                try await waitlist.fixture.execute(
                    "UPDATE waitlist_entry SET specialty = 'surgery' WHERE since = (SELECT min(since) FROM waitlist_entry)")
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [2])
                let place = try await waitlist.place(2)
                #expect(place.entry.specialty == "general")
                let offer = try #require(try await waitlist.offers(.open).first)
                #expect(offer.explanation.contains(#""passedOver":{"specialty":1}"#), "\(offer.explanation)")
            }
        }

        // MARK: What is written down

        @Test(arguments: Engine.allCases)
        func `each step is on record: of the patient, or of the freed time`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                let (clinic, plan) = (waitlist.fixture.clinic, waitlist.plan)
                for patient in 1...4 { _ = try await waitlist.join(patient).value() }
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                _ = try await waitlist.decline(try #require(try await waitlist.offers(.open).first), by: 1).value()
                try await waitlist.work()
                waitlist.fixture.clock.advance(by: .hours(4))
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [3])
                // The desk takes back what the third thinks about.
                _ = try await clinic.declineOffer(
                    try #require(try await waitlist.offers(.open).first).id, call: waitlist.desk, wording: .anything()
                ).value()
                try await waitlist.work()
                for (patient, renews) in [(1, true), (2, true), (3, false)] {
                    let place = WaitlistTarget(id: try await waitlist.place(patient).id)
                    let call = Call(caller: plan.patientCaller(patient), requestID: "place")
                    let reply =
                        renews
                        ? try await clinic.renewWaiting(place, call: call, wording: .anything())
                        : try await clinic.leaveWaitlist(place, call: call, wording: .anything())
                    _ = try reply.value()
                }
                // The first sleeps, and takes another time in the end.
                let now = waitlist.fixture.clock.now
                let hour = Int((now - plan.time(day: 0, hour: 0)).microseconds / Span.hours(1).microseconds)
                try await waitlist.prefer(1, quiet: .init(from: hour * 60, until: (hour + 2) * 60))
                try await waitlist.free(waitlist.start(6))
                try await waitlist.work()
                waitlist.fixture.clock.advance(by: .hours(2))
                try await waitlist.work()
                _ = try await waitlist.accept(try #require(try await waitlist.offers(.open).first), by: 1).value()

                #expect(
                    try await waitlist.acts(of: 1) == ["joined", "offered", "declined", "renewed", "offered", "accepted"])
                #expect(try await waitlist.acts(of: 2) == ["joined", "offered", "expired", "renewed"])
                #expect(try await waitlist.acts(of: 3) == ["joined", "offered", "revoked", "withdrawn"])
                #expect(try await waitlist.acts(of: 4) == ["joined"])
                let chains = try await waitlist.offers().map(\.chain)
                #expect(try await waitlist.acts(of: try #require(chains.first).of()) == ["nobody"])
                #expect(try await waitlist.acts(of: try #require(chains.last).of()) == ["postponed"])
            }
        }

        /// The negative control: a clinic that writes nothing down.
        @Test(arguments: Engine.allCases)
        func `would be seen: where a step is not written down, it is missing`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, sabotage: { TamperedDatabase($0) { Unwritten($0) } }) { waitlist in
                _ = try await waitlist.join(1).value()
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                _ = try await waitlist.decline(try #require(try await waitlist.offers(.open).first), by: 1).value()
                #expect(try await waitlist.acts(of: 1).isEmpty)
            }
        }
    }
}

extension WaitlistFixture {
    /// What is on record of a patient's places, oldest first, without the word they all begin with.
    func acts(of patient: Int) async throws -> [String] { try await acts(of: plan.patient(patient).of()) }

    func acts(of subject: ID<AuditSubject>) async throws -> [String] {
        try await fixture.database.read { try $0.fetch(WaitlistActs(subject: subject)) }
    }
}

private struct WaitlistActs: Query {
    static let sql: SQL = "SELECT act FROM audit WHERE subject_id = $1 AND act LIKE 'waitlist.%' ORDER BY id"
    let subject: ID<AuditSubject>
    var bindings: [SQLValue] { [.id(subject)] }
    static func row(_ columns: any Columns) throws -> String { String(try columns.text(0).dropFirst("waitlist.".count)) }
}

/// Keeps no record.
private final class Unwritten: PassingTransaction {
    private func isRecord<Asked: Command>(_: Asked.Type) -> Bool { Asked.sql.sqlite.contains("INTO audit") }

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if !isRecord(Asked.self) { try super.post(command, orElse: fault) }
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        isRecord(Asked.self) ? 1 : try super.run(command)
    }
}
