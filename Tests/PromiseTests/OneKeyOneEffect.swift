import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-1: however often a request is tried under its key, it takes effect once, and everybody hears the same.
    @Suite struct OneKeyOneEffect {
        @Test(arguments: Engine.allCases)
        func `of 64 tries at once one books, and all are answered in the same words`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    for _ in 0..<64 { group.addTask { await fixture.book(at: start, key: "one") } }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { if case .did = $0 { true } else { false } } == 1)
                #expect(outcomes.allSatisfy { $0.answer == outcomes[0].answer && $0.told?.state == .booked })
                try await fixture.keepsEveryPromise()
            }
        }

        /// Not only bookings: what has a transaction to itself meets its own repeat in another one.
        @Test(arguments: Engine.allCases)
        func `of 64 tries at once one cancels, and all are answered in the same words`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let booked = try #require(await fixture.book(at: fixture.plan.time(day: 3, hour: 9)).told)
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    for _ in 0..<64 { group.addTask { await fixture.cancel(booked.id, by: fixture.plan.desk(), key: "one") } }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { if case .did = $0 { true } else { false } } == 1)
                #expect(outcomes.allSatisfy { $0.answer == outcomes[0].answer && $0.told?.state == .cancelled })
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `of different requests at once under one key, one is done and the others hear whose key it is`(
            engine: Engine
        ) async throws {
            let plan = ClinicPlan { $0.patients = 16 }
            try await ClinicFixture.open(engine, plan) { fixture in
                var booked: [Told] = []
                for number in 0..<16 {
                    let start = plan.starts(onDays: 3..<4)[number]
                    booked.append(try #require(await fixture.book(patient: number, at: start).told))
                }
                let outcomes = await withTaskGroup(of: Outcome.self) { [booked] group in
                    for told in booked { group.addTask { await fixture.cancel(told.id, by: plan.desk(), key: "one") } }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { if case .did = $0 { true } else { false } } == 1)
                #expect(outcomes.count { $0 == .wrongKey } == 15, "\(outcomes)")
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `a refusal is kept, also when the time is free by then`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                let first = try #require(await fixture.book(patient: 0, at: start).told)
                #expect(await fixture.book(patient: 1, at: start, key: "one").refusal == .practitionerTaken)
                await fixture.cancel(first.id, by: fixture.plan.desk())
                #expect(await fixture.book(patient: 1, at: start, key: "one").refusal == .practitionerTaken)
                #expect(await fixture.book(patient: 1, at: start, key: "two").told?.state == .booked)
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `a key belongs to one request and one caller`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let (nine, ten) = (fixture.plan.time(day: 3, hour: 9), fixture.plan.time(day: 3, hour: 10))
                let first = try #require(await fixture.book(patient: 0, at: nine, key: "one").told)
                #expect(await fixture.book(patient: 0, at: ten, key: "one") == .wrongKey)
                #expect(await fixture.cancel(first.id, by: fixture.plan.patientCaller(0), key: "one") == .wrongKey)
                #expect(await fixture.book(patient: 1, at: ten, key: "one").told?.state == .booked)
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `under a name of the client's own a repeat finds what is there`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let (id, start) = (fixture.newID(), fixture.plan.time(day: 3, hour: 9))
                let told = try #require(await fixture.book(at: start, id: id).told)
                #expect(told.id == id)
                #expect(await fixture.book(at: start, id: id) == .existed(told))
                #expect(await fixture.book(at: fixture.plan.time(day: 3, hour: 10), id: id).refusal == .identifierAlreadyUsed)
                try await fixture.keepsEveryPromise()
            }
        }
    }
}
