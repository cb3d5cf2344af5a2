import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// A late payment is honoured or given back, and the patient is told (HB-3).
    @Suite struct ALatePaymentIsHonouredOrGivenBack {
        private func withLate(
            _ engine: Engine, swept: Bool = true, _ body: (PayingClinic, Told, Payment, Instant) async throws -> Void
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                let (hold, intent) = try await paying.held(at: start)
                paying.clock.advance(by: .minutes(6))
                if swept {
                    try await paying.deliver()
                    #expect(try await paying.state(hold.id) == .cancelled)
                }
                try await body(paying, hold, intent, start)
                try await paying.fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases, [true, false]) func `the time is free: it is booked anew`(engine: Engine, swept: Bool)
            async throws
        {
            try await withLate(engine, swept: swept) { paying, hold, intent, start in
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                let alive = try await paying.alive(of: 0)
                #expect(alive.count == 1 && alive[0].id != hold.id && alive[0].visit.from == start)
                #expect(alive[0].state == .booked)
                let standing = try await paying.standing(hold.id)
                #expect(standing.payment.appointment == alive[0].id && standing.refunds.isEmpty)
                let told = try await paying.notices(.honoured, to: 0)
                #expect(told.map(\.appointment) == [alive[0].id])
                #expect(try await paying.notices(.confirmation, to: 0).count == 1)
                #expect(try await paying.numbers() == [1])
                // Nobody cancels at the provider what is paid.
                paying.clock.advance(by: .minutes(30))
                try await paying.deliver()
                #expect(paying.desk.intents.map(\.state) == [.paid])
                // It is like any other from now on.
                _ = await paying.fixture.cancel(alive[0].id, by: paying.plan.patientCaller(0))
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await paying.numbers() == [1, 2])
            }
        }

        @Test(arguments: Engine.allCases) func `the time is somebody else's: the money goes back`(engine: Engine) async throws {
            try await withLate(engine) { paying, hold, intent, start in
                #expect(await paying.fixture.book(patient: 1, at: start, by: paying.plan.desk()).told != nil)
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                #expect(try await paying.alive(of: 0).isEmpty)
                #expect(paying.desk.refunds.map(\.amount.amount) == [4500])
                let standing = try await paying.standing(hold.id)
                #expect(standing.refunds.map(\.reason) == [.late] && standing.refunds.map(\.state) == [.pending])
                let told = try await paying.notices(.refund, to: 0)
                #expect(told.count == 1 && told[0].payload.contains(#""amount":4500"#))
                #expect(try await paying.numbers().isEmpty, "nothing was charged")
            }
        }

        @Test(arguments: Engine.allCases) func `the visit was cancelled meanwhile: the money goes back`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (hold, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                let paid = paying.desk.pay(intent.id)
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                // The provider will not cancel what is paid; it says so, before it tells of itself.
                try await paying.deliver()
                try await paying.tell(paid)
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await paying.notices(.refund, to: 0).count == 1)
                #expect(try await paying.standing(hold.id).payment.state == .paid)
                try await paying.fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases) func `something else was paid than was asked for: it goes back, and nothing is booked`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (hold, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                try await paying.tell(paying.desk.pay(intent.id, received: 100))
                try await paying.deliver()
                #expect(try await paying.state(hold.id) == .pending)
                #expect(paying.desk.refunds.map(\.amount.amount) == [100])
                let confirmed = await paying.fixture.confirm(hold.id, by: paying.plan.patientCaller(0))
                #expect(confirmed == .refused(.paymentNeeded))
                paying.clock.advance(by: .minutes(6))
                try await paying.deliver()
                #expect(try await paying.notices(.refund, to: 0).count == 1, "told once")
                let tasks = try await paying.fixture.clinic.tasks(
                    onlyOpen: true, page: PageRequest(limit: 10), for: .looking(paying.plan.desk()))
                #expect(tasks.elements.map(\.kind) == [.paymentDiffers])
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: a clinic that looks at nobody else's times honours it on one that is sold`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                let (_, intent) = try await paying.held(at: start)
                paying.clock.advance(by: .minutes(6))
                try await paying.deliver()
                // Somebody is there a quarter of an hour later, which only the rule against overlaps sees.
                let other = await paying.fixture.book(
                    patient: 1, at: start + .minutes(15), overrideReason: "urgent", by: paying.plan.desk())
                #expect(other.told != nil, "\(other)")
                let blind = Clinic(
                    database: TamperedDatabase.blinded(paying.fixture.database), surroundings: paying.fixture.surroundings,
                    master: TestKeys.master)
                try await blind.readKeys()
                // The schema stands under the decision: only without it two have one time.
                try await paying.fixture.execute(Unguarded.sql)
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver(at: blind)
                #expect(try await paying.alive(of: 0).count == 1 && paying.desk.refunds.isEmpty, "two have one time")
                let violations = try await paying.fixture.violations()
                #expect(!violations.isEmpty)
            }
        }
    }
}
