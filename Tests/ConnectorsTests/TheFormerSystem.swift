import Connectors
import Notation
import Partners
import Testing

/// The system that is being replaced, as the simulator plays it and the connector asks it (GF-6).
@Suite struct TheFormerSystem {
    private let start = Instant("2030-03-04T09:00:00Z")!

    private func visit(_ practitioner: String = "dr-7", hours: Int = 0) -> LegacyVisit {
        LegacyVisit(
            practitioner: practitioner, visitType: "std", patient: Personal("4711"), start: start + .hours(hours),
            end: start + .hours(hours) + .minutes(30))
    }

    private func legacy(_ simulator: TrialSimulator, seconds: Int = 10) throws -> LegacyConnector {
        LegacyConnector(
            LegacySettings(base: "\(simulator.base)/legacy", token: Personal("simulated-legacy")),
            way: try simulator.way(.legacy, seconds: seconds))
    }

    @Test func `keeps a time for one, says no to the next, and gives it back`() async throws {
        try await TrialSimulator.run { simulator in
            let legacy = try legacy(simulator)
            let first = try #require(await legacy.book(visit(), requestID: EffectKey("r-1")!).value)
            #expect(first.state == .booked && first.visit == visit() && first.requestID == "r-1")
            let second = try #require(await legacy.book(visit(), requestID: EffectKey("r-2")!).value)
            #expect(second.state == .refused && second.reason == "taken")
            // It knows a repeat by its name.
            #expect(await legacy.book(visit(), requestID: EffectKey("r-1")!).value == first)
            let ended = try #require(await legacy.cancel(first.id, key: EffectKey("c-1")!).value)
            #expect(ended.state == .cancelled && ended.change > second.change)
            #expect(await legacy.book(visit(), requestID: EffectKey("r-3")!).value?.state == .booked)
            try await simulator.set("legacy", #"{"overbooks":true}"#)
            #expect(await legacy.book(visit(), requestID: EffectKey("r-4")!).value?.state == .booked)
        }
    }

    @Test func `tells what changed, each request once, page by page`() async throws {
        try await TrialSimulator.run { simulator in
            let legacy = try legacy(simulator)
            var ids: [String] = []
            for hour in 0..<5 {
                ids.append(try #require(await legacy.book(visit(hours: hour), requestID: EffectKey("r-\(hour)")!).value).id)
            }
            _ = await legacy.cancel(ids[0], key: EffectKey("c-0")!)
            var (seen, last, isMore): ([String], Int, Bool) = ([], 0, true)
            while isMore {
                let page = try #require(await legacy.changes(after: last, limit: 2).value)
                #expect(page.entries.count <= 2 && page.unreadable.isEmpty)
                seen += page.entries.map(\.id)
                (last, isMore) = (page.last, page.isMore)
            }
            #expect(seen == Array(ids[1...]) + [ids[0]])
            let nothing = try #require(await legacy.changes(after: last, limit: 2).value)
            #expect(nothing.entries.isEmpty && nothing.last == last && !nothing.isMore)
        }
    }

    @Test func `a lost answer is found by its name, and one that cannot be read is none`() async throws {
        try await TrialSimulator.run { simulator in
            try await simulator.set("legacy", #"{"silent":true,"times":1}"#)
            let lost = await (try legacy(simulator, seconds: 1)).book(visit(), requestID: EffectKey("r-1")!)
            #expect(lost.value == nil)
            #expect(try await simulator.effects("legacy", "appointment", EffectKey("r-1")!, once: 1) == 1)
            let legacy = try legacy(simulator)
            #expect(await legacy.find(EffectKey("r-1")!).value??.state == .booked)
            #expect(await legacy.find(EffectKey("r-2")!) == .done(nil))
            #expect(try await simulator.effects("legacy", "appointment", EffectKey("r-1")!) == 1)
            try await simulator.set("legacy", #"{"garbled":true}"#)
            #expect(await legacy.find(EffectKey("r-1")!).kind == .later)
            #expect(await legacy.changes(after: 0, limit: 10).kind == .later)
            try await simulator.set("legacy", "{}")
            // The planted fault: one that knows no repeats has it twice.
            try await simulator.set("legacy", #"{"forgetful":true,"overbooks":true}"#)
            _ = await legacy.book(visit(), requestID: EffectKey("r-1")!)
            #expect(try await simulator.effects("legacy", "appointment", EffectKey("r-1")!) == 2)
        }
    }

    @Test func `one of a list that cannot be read keeps nobody from the others`() throws {
        let list = #"""
            {"appointments":[{"id":"L-1","change":3,"state":"odd"},{"id":"L-2","request_id":"r","practitioner":"p","visit_type":"v",
            "patient":"4711","start":"2030-03-04T09:00:00Z","end":"2030-03-04T09:30:00Z","state":"booked",
            "created_at":"2030-03-01T09:00:00Z","updated_at":"2030-03-01T09:00:00Z","change":4}],"more":false}
            """#
        let changes = try #require(LegacyFormat.changes(try JSON(parsing: Array(list.utf8)), after: 0))
        #expect(changes.unreadable == ["L-1"] && changes.entries.map(\.id) == ["L-2"] && changes.last == 4)
        let endless = Array(#"{"appointments":[],"more":true}"#.utf8)
        #expect(LegacyFormat.changes(try JSON(parsing: endless), after: 4) == nil, "it would be asked for ever")
    }
}
