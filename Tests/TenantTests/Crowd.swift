import Foundation
import LoopbackClient
import Notation
import Synchronization
import TestKit
import Testing
import Workflows

/// Callers who book and cancel at one clinic, each change under its own key, repeated until there is a definite answer; and
/// who remember what they were promised.
final class Crowd: Sendable {
    private struct Memory {
        /// What each appointment was when its last change was acknowledged.
        var states: [String: String] = [:]
        var booked = 0
        var isOver = false
        var toldOfTheMove = 0
        var surprises: [String] = []
    }

    private static let callers = 8
    private let clinic: String
    private let nodes: [Node]
    private let memory = Mutex(Memory())

    init(of clinic: String, at nodes: [Node]) {
        self.clinic = clinic
        self.nodes = nodes
    }

    /// Appointments that were acknowledged, whatever became of them.
    var made: Int { memory.withLock { $0.states.count } }
    var wasToldOfTheMove: Bool { memory.withLock { $0.toldOfTheMove > 0 } }

    /// Works as long as `body` runs, and ends what is under way.
    func working(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.callers { group.addTask { try await self.work(number) } }
            defer { memory.withLock { $0.isOver = true } }
            try await body()
        }
    }

    /// Returns after so many more bookings.
    func hasBooked(_ count: Int) async throws {
        let goal = memory.withLock { $0.booked } + count
        try await eventually("\(count) more bookings") { self.memory.withLock { $0.booked >= goal } }
    }

    /// What does not agree with what was promised; asked of every node that is there.
    func complaints(at nodes: [Node]? = nil) async throws -> [String] {
        let nodes = nodes ?? self.nodes
        let (states, surprises) = memory.withLock { ($0.states, $0.surprises) }
        var complaints = surprises
        for (number, (id, state)) in states.sorted(by: { $0.key < $1.key }).enumerated() {
            let reply = try await nodes[number % nodes.count].send("GET", "/v1/appointments/\(id)", to: clinic)
            if reply.status == 404 {
                complaints.append("\(id) is lost")
            } else if reply["state"] != state {
                complaints.append("\(id) is \(reply["state"] ?? "\(reply.status)") and should be \(state)")
            }
        }
        return complaints
    }

    private func work(_ number: Int) async throws {
        let random = SeededRandom(seed: UInt64(number))
        var mine: [String] = []
        while !memory.withLock({ $0.isOver }) {
            // As people do: a move has to keep pace with a clinic, not with as much as two cores can book.
            try await Task.sleep(for: .milliseconds(100))
            if mine.count > 2, random.below(2) == 0 {
                try await cancel(mine.removeFirst(), number, random)
            } else if let id = try await book(number, random) {
                mine.append(id)
            }
        }
    }

    private func book(_ number: Int, _ random: SeededRandom) async throws -> String? {
        guard let times = try await times(number), !times.isEmpty else { return nil }
        let id = newID()
        let body = times[random.below(times.count)].booking(id, patient: 1 + number)
        let reply = try await insist("POST", "/v1/appointments", number, body: body)
        guard reply.status == 201 else {
            note(reply, unless: [409])
            return nil
        }
        memory.withLock { memory in
            memory.booked += 1
            if memory.states.updateValue("booked", forKey: id) != nil { memory.surprises.append("\(id) was booked twice") }
        }
        return id
    }

    private func cancel(_ id: String, _ number: Int, _ random: SeededRandom) async throws {
        let reply = try await insist("POST", "/v1/appointments/\(id)/cancellation", number)
        if reply.status == 200 { memory.withLock { $0.states[id] = "cancelled" } }
        // Too late for one that begins within the hour.
        note(reply, unless: [200, 409])
    }

    private func note(_ reply: Loopback.Reply, unless statuses: [Int]) {
        if statuses.contains(reply.status) { return }
        memory.withLock { $0.surprises.append("\(reply.status) \(reply.text)") }
    }

    /// Nil while nobody can say.
    private func times(_ number: Int) async throws -> [FreeTime]? {
        let path = "/v1/free-times?visitType=\(DemoClinic.visitType)&limit=200"
        let reply = try await nodes[number % nodes.count].send("GET", path, to: clinic)
        if reply.status == 503 {
            let other = try await nodes[(number + 1) % nodes.count].send("GET", path, to: clinic)
            return other.status == 200 ? Self.times(in: other) : nil
        }
        return reply.status == 200 ? Self.times(in: reply) : nil
    }

    private static func times(in reply: Loopback.Reply) -> [FreeTime] {
        (try? JSON(parsing: reply.body))?["items"]?.array?.compactMap(FreeTime.init) ?? []
    }

    /// The same request under the same key, at one node after the other, until somebody says yes or no.
    private func insist(_ method: String, _ path: String, _ number: Int, body: String = "") async throws -> Loopback.Reply {
        let key = newID()
        for attempt in 0... {
            let node = nodes[(number + attempt) % nodes.count]
            let reply = try await node.send(method, path, to: clinic, key: key, body: body)
            guard reply.status == 503 || reply.problem == "request-in-progress" else { return reply }
            if reply.problem == "moving" { memory.withLock { $0.toldOfTheMove += 1 } }
            try await Task.sleep(for: .milliseconds(50))
        }
        preconditionFailure("numbers do not end")
    }
}
