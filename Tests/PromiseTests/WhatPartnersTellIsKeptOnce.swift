import Notation
import Outbox
import Partners
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// What a partner tells is kept once and handled once, however often, late and by however many connections it comes (HB-3, MC-12).
    @Suite struct WhatPartnersTellIsKeptOnce {
        private static func reply(_ number: Int) -> TextNews {
            TextNews(
                key: "SM\(number):reply", id: "SM\(number)",
                kind: .reply(from: PhoneNumber("+49301234567")!, words: Personal("quaxwords")))
        }

        private func look(_ fixture: ClinicFixture) async throws -> Inbox {
            try await fixture.database.read { try $0.first(InboxLook())! }
        }

        @Test(arguments: Engine.allCases) func `told at once by many, it is one`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let another = try await fixture.anotherClinic()
                for number in 0..<4 {
                    let news = try await withThrowingTaskGroup(of: Bool.self) { group in
                        for caller in 0..<8 {
                            let clinic = caller % 2 == 0 ? fixture.clinic : another
                            group.addTask { try await clinic.take(Self.reply(number)) }
                        }
                        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                    }
                    #expect(news == 1, "one of eight was the first")
                }
                #expect(try await look(fixture) == Inbox(kept: 4, waiting: 4, queued: 4))
                while try await fixture.worker().step() > 0 {}
                #expect(try await look(fixture) == Inbox(kept: 4, waiting: 0, queued: 0))
                let isNew = try await fixture.clinic.take(Self.reply(2))
                #expect(!isNew, "also after it is handled")
                #expect(try await look(fixture) == Inbox(kept: 4, waiting: 0, queued: 0))
            }
        }

        @Test(arguments: Engine.allCases) func `would be seen: where a repeat has another key, it counts again`(engine: Engine)
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                let count = Count()
                let forgetful = Clinic(
                    database: TamperedDatabase(fixture.database) { NewKeys($0, count) }, surroundings: fixture.surroundings,
                    master: TestKeys.master)
                for _ in 0..<3 { try await forgetful.take(Self.reply(1)) }
                #expect(try await look(fixture) == Inbox(kept: 3, waiting: 3, queued: 3))
            }
        }

        @Test(arguments: Engine.allCases) func `what cannot be queued is not kept, and comes again`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let broken = Clinic(
                    database: TamperedDatabase(fixture.database) { Unqueued($0) }, surroundings: fixture.surroundings,
                    master: TestKeys.master)
                await #expect(throws: Unqueued.Fault.self) { try await broken.take(Self.reply(1)) }
                #expect(try await look(fixture) == Inbox(kept: 0, waiting: 0, queued: 0))
                let isNew = try await fixture.clinic.take(Self.reply(1))
                #expect(isNew)
            }
        }

        @Test(arguments: Engine.allCases) func `what it says is sealed until it is handled, and then it is gone`(engine: Engine)
            async throws
        {
            try await ClinicFixture.open(engine) { fixture in
                try await fixture.clinic.take(Self.reply(1))
                let sealed = try await fixture.database.read { try $0.fetch(Contents()) }
                #expect(sealed.count == 1 && sealed[0]?.isEmpty == false)
                let kept = try await fixture.contents()
                #expect(!kept.contains("quaxwords") && !kept.contains("49301234567"))
                while try await fixture.worker().step() > 0 {}
                #expect(try await fixture.database.read { try $0.fetch(Contents()) } == [nil])
            }
        }

        @Test(arguments: Engine.allCases) func `that it was told is known for thirty days`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                try await fixture.clinic.take(Self.reply(1))
                fixture.clock.advance(by: .days(30))
                #expect(try await fixture.clinic.forgetOldNews() == 0)
                #expect(try await fixture.clinic.take(Self.reply(1)) == false)
                fixture.clock.advance(by: .milliseconds(1))
                #expect(try await fixture.clinic.forgetOldNews() == 1)
            }
        }
    }
}

private struct Inbox: Equatable, Sendable {
    let kept: Int
    let waiting: Int
    let queued: Int
}

private struct InboxLook: Query {
    static let sql: SQL = """
        SELECT (SELECT count(*) FROM incoming), (SELECT count(*) FROM incoming WHERE handled_at IS NULL),
            (SELECT count(*) FROM outbox WHERE topic = 'incoming.texts' AND finished_at IS NULL)
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Inbox {
        Inbox(kept: try columns.int(0), waiting: try columns.int(1), queued: try columns.int(2))
    }
}

private struct Contents: Query {
    static let sql: SQL = "SELECT content FROM incoming ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String? { try columns.optional(0, columns.text) }
}

private final class Count: Sendable {
    private let value = Mutex(0)
    var next: Int {
        value.withLock {
            $0 += 1
            return $0
        }
    }
}

/// Has never heard of anything, and gives what is told a new key each time.
private final class NewKeys: PassingTransaction {
    private let count: Count

    init(_ inner: any WriteTransaction, _ count: Count) {
        self.count = count
        super.init(inner)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        Asked.sql.sqlite.hasPrefix("SELECT id FROM incoming") ? nil : try super.first(query)
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        guard Asked.sql.sqlite.hasPrefix("INSERT INTO incoming") else { return try super.run(command) }
        var bindings = command.bindings
        bindings[2] = .text("another-\(count.next)")
        return try super.run(Other(bindings: bindings))
    }

    private struct Other: Command {
        static let sql: SQL = "INSERT INTO incoming (id, partner, key, received_at, content) VALUES ($1, $2, $3, $4, $5)"
        let bindings: [SQLValue]
    }
}

/// Breaks when something is to be queued.
private final class Unqueued: PassingTransaction {
    struct Fault: Error {}

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if command is Enqueue { throw Fault() }
        try super.post(command, orElse: fault)
    }
}
