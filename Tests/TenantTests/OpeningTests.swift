import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import Synchronization
import TestKit
import Testing

@Suite("Opening clinics")
struct OpeningTests {
    @Test("a clinic is opened when somebody asks for it, and once however many ask", arguments: Engine.allCases)
    func lazily(engine: Engine) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: engine)
            let node = try await network.serve()
            #expect(try await node.metric("mediconnect_tenants") == 2)
            #expect(try await node.metric("mediconnect_tenants_open") == 0)
            _ = try await network.token("riverside")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await node.asks("riverside") } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(statuses == [200])
            #expect(try await node.metric("mediconnect_tenants_opened_total") == 1)
            #expect(try await node.metric("mediconnect_tenants_open") == 1)
            #expect(try await node.metric("mediconnect_tenants_connections") == Network.connectionsOfOne)
        }
    }

    @Test("with room for two, five clinics are all served, and never more than two are open", arguments: Engine.allCases)
    func bounded(engine: Engine) async throws {
        try await Network.with { network in
            let names = (1...5).map { "clinic-\($0)" }
            _ = try await network.clinics(names, on: engine)
            for name in names { _ = try await network.token(name) }
            let node = try await network.serve(room: 2, round: 1)
            let look = Look(at: node, engine)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<10 {
                    group.addTask {
                        for turn in 0..<6 {
                            let clinic = names[(caller + turn * 3) % names.count]
                            let status = try await node.asks(clinic)
                            #expect(status == 200, "\(clinic)")
                            try await look.once()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await node.metric("mediconnect_tenants_open_most") == 2)
            #expect(look.most <= (engine == .sqlite ? 2 : 2 * Network.connectionsOfOne), "\(look.most)")
            #expect(look.most > 0)
            #expect(try await node.metric("mediconnect_tenants_opened_total") >= 5)
        }
    }

    @Test("a booking under way when its place is needed is finished")
    func finishesWhatIsInFlight() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: .sqlite)
            for name in ["riverside", "northside"] { _ = try await network.token(name) }
            let node = try await network.serve(room: 1)
            let time = try #require(try await node.freeTimes(of: "riverside", limit: 1).first)
            let (id, half) = (newID(), try HalfRequest(port: node.server.port))
            let body = time.booking(id)
            try half.send(
                """
                POST /v1/appointments HTTP/1.1\r\nHost: riverside.example.org\r
                Authorization: Bearer \(try await network.token("riverside"))\r\nIdempotency-Key: half\r
                Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n
                """ + body.prefix(20))
            // One event loop reads in turns: it has the head when a request sent after it is answered.
            _ = try await node.send("/health/live", headers: [:])
            async let other = node.asks("northside")
            try await eventually("somebody waits for the only place") {
                try await node.metric("mediconnect_tenants_waiting") == 1
            }
            try half.send(String(body.dropFirst(20)))
            let answer = half.received { $0.contains("\"version\":1}") }
            #expect(answer.hasPrefix("HTTP/1.1 201"), "\(answer)")
            #expect(try await other == 200)
            #expect(try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 200)
        }
    }

    @Test("a clinic whose server is down disturbs nobody, and recovers by itself")
    func brokenClinic() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            try await Network.with { network in
                try await cluster.psql("CREATE DATABASE broken")
                try network.write([.init("broken", database: cluster.url(database: "broken")), .init("well")])
                for name in ["broken", "well"] {
                    try await network.seed(name)
                    _ = try await network.token(name)
                }
                await cluster.stop()
                let node = try await network.serve(room: 2, round: 1)
                // Not there when it is asked for the first time.
                try await expectBroken(node)
                try await cluster.start()
                try await eventually("the clinic opens") { try await node.asks("broken") == 200 }
                // Gone while it is open.
                await cluster.kill()
                try await expectBroken(node)
                let health = try await node.send("/health", headers: [:])
                #expect(
                    health.status == 503 && health.text.contains("1 of 2 open ones cannot reach their database"), "\(health.text)"
                )
                try await cluster.start()
                try await eventually("the clinic works again") { try await node.asks("broken") == 200 }
                let booked = try await node.book(at: "broken", id: newID(), key: "afterwards")
                #expect(booked.status == 201, "\(booked.text)")
                #expect(network.logged.contains("tenant.unavailable") && network.logged.contains("tenant.recovered"))
                #expect(!network.logged.contains(cluster.password))
            }
        }
    }

    private func expectBroken(_ node: Node) async throws {
        for _ in 0..<5 {
            let reply = try await node.send("GET", "/v1/appointments", to: "broken")
            #expect(reply.status == 503 && reply.problem == "unavailable", "\(reply.text)")
            #expect(!reply.text.contains("broken"))
            #expect(try await node.asks("well") == 200)
        }
        #expect(try await node.send("/health/ready", headers: [:]).status == 200)
    }
}

/// Looks from outside at what a node has open: the files of embedded databases, or connections to the PostgreSQL of the tests.
private final class Look: Sendable {
    private let node: Node
    private let engine: Engine
    private let found = Mutex<[Set<String>]>([])

    init(at node: Node, _ engine: Engine) {
        self.node = node
        self.engine = engine
    }

    var most: Int {
        found.withLock { found in
            switch engine {
            // A look from file to file takes its time, and may see one that closes and one that opens after it. Two in a row do
            // not see the same.
            case .sqlite: zip(found, found.dropFirst()).map { $0.intersection($1).count }.max() ?? 0
            case .postgres: found.map(\.count).max() ?? 0
            }
        }
    }

    func once() async throws {
        let open: Set<String>
        switch engine {
        case .sqlite: open = Set(targets().filter { $0.hasSuffix("/clinic.sqlite") })
        case .postgres: open = try await connections()
        }
        found.withLock { $0.append(open) }
    }

    /// The kernel's table is of one moment: what is in it and the node's.
    private func connections() async throws -> Set<String> {
        let port = String(try await PrivateCluster.shared.port, radix: 16, uppercase: true)
        let table = String(decoding: try Self.everything(in: "/proc/net/tcp"), as: UTF8.self)
        let inodes = table.split(separator: "\n").dropFirst().compactMap { line -> String? in
            let columns = line.split(separator: " ")
            // Established, to that port.
            guard columns.count > 9, columns[2].hasSuffix(":" + port.leftPadded), columns[3] == "01" else { return nil }
            return "socket:[\(columns[9])]"
        }
        return Set(targets()).intersection(inodes)
    }

    /// A file of the kernel's says that it is empty, and gives a page at a time.
    private static func everything(in path: String) throws -> Data {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        var all = Data()
        while let page = try file.read(upToCount: 1 << 16), !page.isEmpty { all += page }
        try file.close()
        return all
    }

    private func targets() -> [String] {
        let folder = "/proc/\(node.server.process.number)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") }
    }
}

extension String {
    fileprivate var leftPadded: String { String(repeating: "0", count: max(0, 4 - count)) + self }
}
