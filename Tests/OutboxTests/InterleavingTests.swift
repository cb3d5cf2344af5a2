import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct Interleavings {
    /// What a history did that it must not.
    private func violations(in world: World) throws -> [String] {
        let rows = try world.store.inline { try $0.fetch(EveryRow()) }
        let effects = try world.store.inline { try $0.fetch(EveryEffect()) }
        let reopened = try world.store.inline { try $0.fetch(EveryReopened()) }
        var found = reopened.map { "\($0) was finished and came back" }
        for plan in world.plans {
            let state = rows.first { $0.id == plan.message.id }?.state ?? "gone"
            let isDelivered = state == (plan.isTransactional ? "gone" : "done")
            let effectCount = effects.count { $0 == plan.message.id }
            let calls = world.calls.all.filter { $0.number == plan.number }
            if !isDelivered && state != "expired" { found.append("\(plan.number) ended as \(state)") }
            if effectCount != (plan.isTransactional && isDelivered ? 1 : 0) {
                found.append("\(plan.number) had \(effectCount) effects")
            }
            if isDelivered && calls.isEmpty { found.append("\(plan.number) is done and was never delivered") }
            if calls.contains(where: { $0.at < plan.message.availableAt }) { found.append("\(plan.number) came early") }
            if let expiry = plan.message.expiresAt, calls.contains(where: { $0.at >= expiry }) {
                found.append("\(plan.number) came late")
            }
        }
        return found + disorder(in: world)
    }

    /// Of one order key, nobody is delivered for the first time before all enqueued earlier were.
    private func disorder(in world: World) -> [String] {
        Set(world.plans.compactMap(\.message.orderKey)).sorted().compactMap { key in
            let members = Set(world.plans.filter { $0.message.orderKey == key }.map(\.number))
            var firstCalls: [Int] = []
            for call in world.calls.all where members.contains(call.number) && !firstCalls.contains(call.number) {
                firstCalls.append(call.number)
            }
            return firstCalls == firstCalls.sorted() ? nil : "\(key) was delivered as \(firstCalls)"
        }
    }

    @Test func `in a thousand histories every effect happens exactly once, in order, in time`() throws {
        var stale = 0
        var rescued = 0
        var expired = 0
        var kills = 0
        for seed in 0..<1_000 as Range<UInt64> {
            let world = try World(seed: seed)
            #expect(world.live(), "seed \(seed) came to a standstill")
            let found = try violations(in: world)
            #expect(found.isEmpty, "seed \(seed)")
            for event in world.workshop.events.all {
                switch event {
                case .stale: stale += 1
                case .rescued: rescued += 1
                case .settled(_, .expired, _, _): expired += 1
                default: break
                }
            }
            kills += world.kills.count
        }
        // A simulation in which these never happen proves nothing.
        #expect(stale > 100 && rescued > 100 && expired > 100 && kills > 100, "\((stale, rescued, expired, kills))")
    }

    @Test func `negative control: without the fence some history undoes what was finished`() throws {
        let culprit = try (0..<1_000 as Range<UInt64>).first { seed in
            let world = try World(seed: seed, isFenced: false)
            guard world.live() else { return true }
            return try !violations(in: world).isEmpty
        }
        #expect(culprit != nil)
    }

    @Test func `the same seed is the same history`() throws {
        let histories = try (0..<2).map { _ in
            let world = try World(seed: 7)
            _ = world.live()
            return world.calls.all
        }
        #expect(histories[0] == histories[1] && !histories[0].isEmpty)
    }
}

private struct EveryRow: Query {
    static let sql: SQL = "SELECT id, state FROM outbox"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (id: ID<OutboxMessage>, state: String) {
        (try columns.id(0), try columns.text(1))
    }
}

private struct EveryReopened: Query {
    static let sql: SQL = "SELECT message FROM reopened"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<OutboxMessage> { try columns.id(0) }
}

private struct EveryEffect: Query {
    static let sql: SQL = "SELECT message FROM effect ORDER BY number"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<OutboxMessage> { try columns.id(0) }
}
