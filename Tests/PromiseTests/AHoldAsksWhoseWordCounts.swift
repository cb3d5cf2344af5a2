import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

/// A clinic that replaces another system, and whose visits are paid.
private struct PaidReplacement {
    let clinic: ReplacingFixture
    let paying: PayingClinic
    var old: TheOldSystem { clinic.old }

    static func open(_ engine: Engine, _ body: (PaidReplacement) async throws -> Void) async throws {
        try await ReplacingFixture.open(engine, price: PayingClinic.price) { clinic in
            let paying = PayingClinic(fixture: clinic.fixture, desk: TrialDesk(clinic.fixture.clock))
            try await body(PaidReplacement(clinic: clinic, paying: paying))
        }
    }

    var start: Instant { clinic.plan.time(day: 3, hour: 9) }

    /// One of the patients who book here while both are in use.
    func oneOfTheShare() throws -> Int { try #require(clinic.patients(at: 1, isHere: true).first) }

    func goDual() async throws {
        #expect(try await clinic.go(to: .shadow) == nil)
        #expect(try await clinic.go(to: .dual) == nil)
        try await clinic.backfill()
        try await clinic.run()
    }

    /// Somebody holds a time while everybody books here, and by the time they pay for it the clinic is in another phase.
    func held(patient: Int = 0, then phase: Replacement.Phase) async throws -> (hold: Told, intent: Payment) {
        if phase == .returning {
            try await goDual()
            #expect(try await clinic.go(to: .switched, despite: "nothing was compared") == nil)
        }
        let held = try await paying.held(patient: patient, at: start)
        switch phase {
        case .off: break
        case .dual: try await goDual()
        case .shadow, .returning, .switched: #expect(try await clinic.go(to: phase) == nil)
        }
        return held
    }

    /// The provider tells that it is paid, and that is all that is delivered.
    func pay(_ intent: Payment, at other: Clinic? = nil) async throws {
        try await paying.tell(paying.desk.pay(intent.id))
        try await paying.deliver(at: other)
    }

    /// Everything that follows.
    func settle(for span: Span = .seconds(10)) async throws {
        try await clinic.run(for: span)
        try await paying.deliver()
    }

    func cancellation(_ id: ID<Appointment>) async throws -> Cancellation.Reason? {
        try await clinic.found(id).cancellation?.reason
    }

    /// To how many people a time was given, here and there: one of both is one.
    func holders(of start: Instant) async throws -> Int {
        let there = old.standing.filter { $0.visit.start == start }
        let here = try await clinic.fixture.clinic.appointments(
            .ofPractitioner(clinic.plan.practitioner(0)), in: TimeRange(from: start, to: start + .minutes(1)),
            page: PageRequest(limit: 10), for: .looking(clinic.plan.desk())
        ).elements.filter { $0.state == .booked }
        return Set(there.map(\.visit.patient.revealed)).union(here.flatMap { $0.patients.map(\.description) }).count
    }
}

extension Promises {
    /// GF-6, HB-3: what is held before a phase and becomes a booking in it has the agreement of whose word counts, or its money goes back.
    @Suite struct AHoldAsksWhoseWordCounts {
        private static let phases: [Replacement.Phase] = [.shadow, .dual, .returning]

        @Test(arguments: Engine.allCases, phases) func `what is paid in time is booked with their agreement, in every phase`(
            engine: Engine, phase: Replacement.Phase
        ) async throws {
            try await PaidReplacement.open(engine) { both in
                let (hold, intent) = try await both.held(then: phase)
                try await both.pay(intent)
                #expect(try await both.paying.state(hold.id) == .pending, "nobody there has agreed yet")
                #expect(both.old.standing.isEmpty)
                try await both.settle()
                #expect(try await both.paying.state(hold.id) == .booked)
                #expect(both.old.standing.map(\.visit.start) == [both.start])
                #expect(both.paying.desk.refunds.isEmpty)
                #expect(try await both.paying.numbers() == [1])
                #expect(try await both.clinic.comparison().count == 0, "what was asked from here is no request of theirs")
                #expect(try await both.clinic.tasks().isEmpty)
                // Given up here, it is given up there, in every phase.
                #expect(await both.clinic.fixture.cancel(hold.id, by: both.clinic.plan.desk()).told?.state == .cancelled)
                try await both.settle(for: .seconds(30))
                #expect(both.old.standing.isEmpty && both.paying.desk.refunds.map(\.amount.amount) == [4500])
                try await both.clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases, phases) func `their no gives time and money back, in every phase`(
            engine: Engine, phase: Replacement.Phase
        ) async throws {
            try await PaidReplacement.open(engine) { both in
                let (hold, intent) = try await both.held(then: phase)
                // Somebody has bought it there, at their own counter.
                both.clinic.askThere(patient: 100, at: both.start)
                try await both.pay(intent)
                try await both.settle()
                #expect(try await both.cancellation(hold.id) == .providerFailed)
                #expect(both.paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await both.paying.notices(.refund, to: 0).count == 1, "and they are told, once")
                #expect(try await both.paying.numbers() == [1, 2], "an invoice and its credit note")
                #expect(try await both.holders(of: both.start) == 1)
                try await both.clinic.isSound()
            }
        }

        /// The planted fault: a clinic that does not see the phase.
        @Test(arguments: Engine.allCases, [Replacement.Phase.shadow, .returning])
        func `would be seen: who asks nobody sells what is sold there`(engine: Engine, phase: Replacement.Phase) async throws {
            try await PaidReplacement.open(engine) { both in
                let (_, intent) = try await both.held(then: phase)
                both.clinic.askThere(patient: 100, at: both.start)
                let blind = Clinic(
                    database: TamperedDatabase(both.clinic.fixture.database) { BlindTo($0, ["FROM legacy_phase"]) },
                    surroundings: both.clinic.fixture.surroundings, master: TestKeys.master)
                try await blind.readKeys()
                try await both.pay(intent, at: blind)
                #expect(try await both.holders(of: both.start) == 2)
                #expect(both.paying.desk.refunds.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases, [Replacement.Phase.shadow, .returning])
        func `who confirms by hand is told where to book, and has the hold until it ends`(
            engine: Engine, phase: Replacement.Phase
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                let waitlist = WaitlistFixture(fixture: clinic.fixture)
                try await waitlist.stayAwake()
                try await clinic.fixture.clinic.open()
                if phase == .returning {
                    for next in [Replacement.Phase.shadow, .dual] { #expect(try await clinic.go(to: next) == nil) }
                    try await clinic.backfill()
                    try await clinic.run()
                    #expect(try await clinic.go(to: .switched, despite: "nothing was compared") == nil)
                }
                _ = try await waitlist.join(2).value()
                try await waitlist.free(clinic.plan.time(day: 5, hour: 9))
                let hold = try #require(await clinic.fixture.hold(patient: 0, at: clinic.plan.time(day: 3, hour: 9)).told)
                try await clinic.run()
                let offer = try #require(try await waitlist.offers(.open).first)
                #expect(try await clinic.go(to: phase) == nil)
                for caller in [clinic.plan.desk(), clinic.plan.patientCaller(0)] {
                    #expect(await clinic.fixture.confirm(hold.id, by: caller).refusal == .bookedElsewhere)
                }
                #expect(try await waitlist.accept(offer, by: 2).refusal == .bookedElsewhere)
                #expect(try await clinic.found(hold.id).version == hold.version, "nothing has changed")
                #expect(try await waitlist.offers(.open).count == 1)
                clinic.fixture.clock.advance(by: .hours(5))
                try await clinic.run()
                #expect(try await clinic.found(hold.id).cancellation?.reason == .expired)
                #expect(try await waitlist.offers(.open).isEmpty)
                #expect(try await clinic.bookedHere().isEmpty && clinic.old.standing.isEmpty)
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `while both are in use what is confirmed by hand, and what was offered, is asked for`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                let waitlist = WaitlistFixture(fixture: clinic.fixture)
                try await waitlist.stayAwake()
                try await clinic.fixture.clinic.open()
                let mine = clinic.patients(at: 5, isHere: true)
                _ = try await waitlist.join(mine[1]).value()
                try await waitlist.free(clinic.plan.time(day: 5, hour: 9), by: clinic.patients(at: 5, isHere: false)[0])
                let hold = try #require(await clinic.fixture.hold(patient: mine[0], at: clinic.plan.time(day: 3, hour: 9)).told)
                try await clinic.run()
                let offer = try #require(try await waitlist.offers(.open).first)
                for next in [Replacement.Phase.shadow, .dual] { #expect(try await clinic.go(to: next) == nil) }
                // At one percent they are not among those who book here yet.
                let few = clinic.patients(at: 1, isHere: true)
                if !few.contains(mine[1]) {
                    #expect(try await waitlist.accept(offer, by: mine[1]).refusal == .bookedElsewhere)
                }
                try await clinic.share(5)
                let taken = try await waitlist.accept(offer, by: mine[1]).value()
                #expect(taken.state == .pending)
                #expect(await clinic.fixture.confirm(hold.id, by: clinic.plan.desk()).told?.state == .pending)
                try await clinic.run(for: .seconds(10))
                #expect(try await clinic.found(hold.id).state == .booked)
                #expect(try await clinic.found(taken.id).state == .booked)
                #expect(try await clinic.bookedHere() == clinic.bookedThere && clinic.old.standing.count == 2)
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases) func `what is paid while they are asked is booked with their yes`(engine: Engine)
            async throws
        {
            for agrees in [true, false] {
                try await PaidReplacement.open(engine) { both in
                    let (hold, intent) = try await both.held(patient: try both.oneOfTheShare(), then: .dual)
                    let confirmed = try await both.clinic.fixture.clinic.confirm(
                        AppointmentTarget(id: hold.id), unpaidReason: Personal("pays at the counter"),
                        call: Call(caller: both.clinic.plan.desk(), requestID: "confirm"), wording: .anything()
                    ).value()
                    #expect(confirmed.state == .pending)
                    try await both.pay(intent)
                    #expect(try await both.paying.standing(hold.id).payment.state == .paid, "heard at once")
                    if !agrees { both.old.become(.refuses) }
                    try await both.settle()
                    #expect(try await both.paying.state(hold.id) == (agrees ? .booked : .cancelled))
                    #expect(both.paying.desk.refunds.map(\.amount.amount) == (agrees ? [] : [4500]))
                    #expect(try await both.paying.numbers() == (agrees ? [1] : [1, 2]))
                    try await both.clinic.isSound()
                }
            }
        }

        @Test(arguments: Engine.allCases) func `what was paid comes back when the time is over before anybody could ask`(
            engine: Engine
        ) async throws {
            try await PaidReplacement.open(engine) { both in
                let (hold, intent) = try await both.held(then: .dual)
                try await both.pay(intent)
                // Nobody carries requests for an hour.
                both.clinic.fixture.clock.advance(by: .hours(1))
                try await both.clinic.fixture.clinic.sweepHolds()
                #expect(try await both.cancellation(hold.id) == .expired)
                try await both.settle()
                #expect(both.paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await both.paying.notices(.refund, to: 0).count == 1)
                #expect(try await both.paying.numbers() == [1, 2])
                #expect(both.old.standing.isEmpty)
                try await both.clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases, [true, false]) func `what was paid here for what they end or move comes back`(
            engine: Engine, isMoved: Bool
        ) async throws {
            try await PaidReplacement.open(engine) { both in
                try await both.goDual()
                let theirs = both.clinic.askThere(patient: 7, at: both.start)
                try await both.clinic.run()
                let taken = try #require(try await both.paying.alive(of: 7).first)
                _ = try await both.paying.ask(taken.id, by: both.clinic.plan.patientCaller(7)).value()
                try await both.paying.deliver()
                try await both.pay(try #require(both.paying.desk.intents.first))
                #expect(try await both.paying.numbers() == [1])
                if isMoved { both.old.move(theirs.id, to: both.start + .hours(2)) } else { both.old.end(theirs.id) }
                try await both.settle()
                #expect(try await both.paying.state(taken.id) == .cancelled)
                #expect(
                    try await both.paying.alive(of: 7).map(\.visit.from) == (isMoved ? [both.start + .hours(2)] : []))
                #expect(both.paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await both.paying.numbers() == [1, 2])
                try await both.clinic.isSound()
            }
        }
    }
}
