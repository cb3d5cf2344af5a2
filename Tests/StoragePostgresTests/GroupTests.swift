import Notation
import Storage
import StoragePostgres
import TestKit
import Testing

@Suite("Groups on PostgreSQL")
struct GroupTests {
    @Test(arguments: Way.allCases) func `bodies that wait together share one transaction`(way: Way) async throws {
        try await way.open { opened in
            let answers = await opened.together((1...50).map { id in { try $0.post(PutVisit(id: id)) } })
            #expect(answers.compactMap(\.fault) == [])
            try await opened.expectVisits(Array(1...50))
            try await opened.expectTransactions(1)
            await opened.database.close()
            #expect(opened.counts.groups == [1, 50])
        }
    }

    @Test(arguments: Way.allCases) func `a group is never larger than its maximum`(way: Way) async throws {
        try await way.open({ $0.groupMaximum = 4 }) { opened in
            _ = await opened.together((1...10).map { id in { try $0.post(PutVisit(id: id)) } })
            try await opened.expectVisits(Array(1...10))
            await opened.database.close()
            #expect(opened.counts.groups == [1, 4, 4, 2])
        }
    }

    @Test(arguments: Way.allCases)
    func `a question many ask is answered to each with its own rows, in their order`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { transaction in
                for id in 1...60 { try transaction.post(PutVisit(id: 61 - id, part: id % 7)) }
            }
            let heard = Notes<String>()
            _ = await opened.together(
                (0..<9).map { part in
                    { transaction in
                        let found = try transaction.fetch(VisitsOfPart(part: part))
                        let first = try transaction.first(VisitsOfPart(part: part))
                        if first != found.first { heard.add("the first of \(part) is another") }
                        let expected = (1...60).filter { (61 - $0) % 7 == part }
                        if found != expected { heard.add("\(part): \(found) instead of \(expected)") }
                        transaction.afterCommit { heard.add("\(part) is done") }
                    }
                })
            #expect(heard.all == (0..<9).map { "\($0) is done" })
        }
    }

    @Test(arguments: Way.allCases)
    func `a refusal comes back as it was thrown and leaves the others of its group alone`(way: Way) async throws {
        try await way.open { opened in
            let answers = await opened.together([
                { try $0.post(PutVisit(id: 1)) },
                {
                    try $0.post(PutVisit(id: 2))
                    throw Refusal.timeTaken
                },
                { try $0.post(PutVisit(id: 3)) },
            ])
            #expect(answers[0].isSuccess && answers[2].isSuccess)
            #expect(answers[1].failure as? Refusal == .timeTaken)
            try await opened.expectVisits([1, 3])
            try await opened.expectTransactions(1)
        }
    }

    @Test(arguments: Way.allCases) func `a broken rule of the schema costs only the body that broke it`(way: Way) async throws {
        try await way.open { opened in
            let answers = await opened.together([
                { try $0.post(PutVisit(id: 1, room: "A")) },
                {
                    try $0.post(PutVisit(id: 2))
                    try $0.post(PutVisit(id: 3, room: "A"))
                },
                { try $0.post(PutVisit(id: 4, room: "B")) },
            ])
            #expect(answers[0].isSuccess && answers[2].isSuccess)
            #expect(answers[1].fault == .constraint("visit_room_key"))
            try await opened.expectVisits([1, 4])
        }
    }

    @Test(arguments: Way.allCases) func `a row that points nowhere at the commit costs only its own body`(way: Way) async throws {
        struct Note: Insertion {
            static let rank = 0
            static let sql: SQL = "INSERT INTO note (visit) VALUES ($1)"
            var bindings: [SQLValue] { [.integer(visit)] }
            var visit: Int
        }
        try await way.open { opened in
            try await opened.psql("CREATE TABLE note (visit bigint REFERENCES visit DEFERRABLE INITIALLY DEFERRED)")
            let answers = await opened.together([
                {
                    try $0.post(Note(visit: 1))
                    try $0.post(PutVisit(id: 1))
                },
                { try $0.post(Note(visit: 5)) },
                { try $0.post(PutVisit(id: 3)) },
            ])
            #expect(answers[0].isSuccess && answers[2].isSuccess)
            #expect(answers[1].fault == .constraint("foreign_key"))
            try await opened.expectVisits([1, 3])
        }
    }

    @Test(arguments: Way.allCases) func `a value that fits no column costs only its own body`(way: Way) async throws {
        struct Wrong: Insertion {
            static let rank = 1
            static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, $2)"
            var bindings: [SQLValue] { [.text("one"), .integer(0)] }
        }
        try await way.open { opened in
            let answers = await opened.together([
                { try $0.post(PutVisit(id: 1)) }, { try $0.post(Wrong()) }, { try $0.post(PutVisit(id: 2, room: "A\0B")) },
                { try $0.post(PutVisit(id: 3)) },
            ])
            #expect(answers.map(\.isSuccess) == [true, false, false, true])
            try await opened.expectVisits([1, 3])
        }
    }

    @Test(arguments: Way.allCases) func `who asks what another of the group has changed sees the change`(way: Way) async throws {
        try await way.open { opened in
            let seen = Notes<[Int]>()
            let answers = await opened.together([
                { try $0.post(PutVisit(id: 1)) },
                { transaction in
                    let found = try transaction.fetch(VisitIDs())
                    try transaction.post(PutVisit(id: found.count + 1))
                    transaction.afterCommit { seen.add(found) }
                },
                { transaction in
                    let found = try transaction.fetch(VisitIDs())
                    try transaction.post(PutVisit(id: found.count + 1))
                    transaction.afterCommit { seen.add(found) }
                },
            ])
            #expect(answers.compactMap(\.failure).isEmpty)
            #expect(seen.all == [[1], [1, 2]])
            try await opened.expectVisits([1, 2, 3])
        }
    }

    @Test(arguments: Way.allCases)
    func `a body that does what cannot be shared gets a transaction of its own, and does it once`(way: Way) async throws {
        try await way.open { opened in
            let answers = await opened.together([
                { try $0.post(PutVisit(id: 1)) },
                { _ = try $0.run(PutVisit(id: 2)) },
                { try $0.execute("INSERT INTO visit (id, part) VALUES (3, 0)") },
                { transaction in
                    // It would have to see its own change.
                    try transaction.post(PutVisit(id: 4))
                    if try !transaction.fetch(VisitIDs()).contains(4) { throw Refusal.timeTaken }
                },
                { try $0.post(PutVisit(id: 5)) },
            ])
            #expect(answers.compactMap(\.failure).isEmpty, "\(answers)")
            try await opened.expectVisits([1, 2, 3, 4, 5])
            try await opened.expectTransactions(4)
        }
    }

    @Test(arguments: Way.allCases) func `a change that has to touch one row and does not is refused by its own fault`(way: Way)
        async throws
    {
        try await way.open { opened in
            try await opened.psql("INSERT INTO visit (id, part) VALUES (2, 0)")
            let answers = await opened.together([
                { try $0.post(TakeVisit(id: 1), orElse: Refusal.timeTaken) },
                { try $0.post(TakeVisit(id: 2), orElse: Refusal.timeTaken) },
                { try $0.post(TakeVisit(id: 3), orElse: Refusal.timeTaken) },
                { try $0.post(MoveVisit(id: 2, part: 7), orElse: Refusal.timeTaken) },
                { try $0.post(MoveVisit(id: 9, part: 7), orElse: Refusal.timeTaken) },
            ])
            #expect(answers.map { $0.failure as? Refusal } == [nil, .timeTaken, nil, nil, .timeTaken])
            try await opened.expectVisits([1, 2, 3])
        }
    }

    /// Another node takes the visit between this group's look and its commit.
    @Test(arguments: Way.allCases)
    func `a group that was overtaken is decided afresh on what is there now`(way: Way) async throws {
        try await way.open { opened in
            let (looked, taken, looks) = (Gate(), Gate(), Notes<Int>())
            async let answers = opened.together([
                { transaction in
                    guard try !transaction.fetch(VisitIDs()).contains(1) else { throw Refusal.timeTaken }
                    looks.add(1)
                    looked.open()
                    taken.hold()
                    try transaction.post(PutVisit(id: 1, part: 1))
                },
                { transaction in try transaction.post(PutVisit(id: 2)) },
            ])
            await looked.pass()
            try await opened.psql("INSERT INTO visit (id, part) VALUES (1, 50)")
            taken.open()
            let outcomes = await answers
            #expect(outcomes[0].failure as? Refusal == .timeTaken, "politely, not by a constraint")
            #expect(outcomes[1].isSuccess && looks.count == 1)
            #expect(opened.counts.repeats == ["group"])
            try await opened.expectRows(["50"], "SELECT part FROM visit WHERE id = 1")
        }
    }

    @Test(arguments: Way.allCases)
    func `hooks run in the order of the bodies, before their callers hear, and not for who failed`(way: Way) async throws {
        try await way.open { opened in
            let order = Notes<Int>()
            let answers = await opened.together(
                (1...6).map { id in
                    { transaction in
                        transaction.afterCommit { order.add(id) }
                        try? transaction.savepoint {
                            transaction.afterCommit { order.add(-id) }
                            try transaction.post(PutVisit(id: -id))
                            throw Refusal.timeTaken
                        }
                        if id == 4 { throw Refusal.timeTaken }
                        try transaction.post(PutVisit(id: id))
                    }
                })
            #expect(order.all == [1, 2, 3, 5, 6])
            #expect(answers.filter(\.isSuccess).count == 5)
            try await opened.expectVisits([1, 2, 3, 5, 6])
        }
    }

    @Test(arguments: Way.allCases) func `many callers of both kinds at once lose nothing`(way: Way) async throws {
        try await way.open { opened in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<64 {
                    group.addTask {
                        for turn in 0..<20 {
                            let put = PutVisit(id: caller * 100 + turn)
                            if caller % 8 == 0 {
                                try await opened.database.write { _ = try $0.run(put) }
                            } else {
                                try await opened.database.writeTogether(foreseen: [VisitsOfPart(part: 1)]) { transaction in
                                    _ = try transaction.fetch(VisitsOfPart(part: 1))
                                    try transaction.post(put)
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await opened.visits.count == 64 * 20)
        }
    }

    @Test func `when too much waits, new work is turned away at once`() async throws {
        try await Way.direct.open({ $0.waitingMaximum = 3 }) { opened in
            let (gate, held) = (Gate(), Gate())
            async let holding: Void = opened.database.writeTogether(foreseen: []) { _ in
                held.open()
                gate.hold()
            }
            await held.pass()
            let waiting = (1...3).map { id in
                Task { try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: id)) } }
            }
            while opened.database.usage.waiting < 3 { await Task.yield() }
            let turnedAway = await fault {
                try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 9)) }
            }
            #expect(turnedAway == .overloaded)
            gate.open()
            try await holding
            for task in waiting { try await task.value }
            try await opened.expectVisits([1, 2, 3])
        }
    }
}
