import Moving
import Notation
import Storage
import StoragePostgres
import TestKit
import Testing
import Workflows

@Suite(.serialized)
struct MovesSayWhatIsWrong {
    @Test
    func `a target that has a clinic is left alone`() async throws {
        try await SmallClinic.withClinic(.sqlite) { source in
            try await SmallClinic.withClinic(.postgres) { target in
                let before = try await everything(in: target)
                await #expect(throws: MoveFault.targetNotEmpty(table: "location")) {
                    try await MovesAreInterrupted.move(source, target).run()
                }
                #expect(try await everything(in: target) == before)
                #expect(try await traces(in: source) + traces(in: target) == [])
            }
        }
    }

    @Test
    func `two schemas that differ are told apart before anything is done`() async throws {
        try await SmallClinic.withClinic(.sqlite) { source in
            try await Engine.sqlite.withDatabase { target in
                await #expect(throws: MoveFault.self) { try await MovesAreInterrupted.move(source, target).run() }
                try await Migrator(target, migrations: Schema.migrations, clock: MachineClock()).up()
                try await SmallClinic.execute("ALTER TABLE patient ADD COLUMN shoe_size INTEGER", in: target)
                await #expect(throws: MoveFault.schemaDiffers("only the target has a column patient.shoe_size")) {
                    try await MovesAreInterrupted.move(source, target).run()
                }
                #expect(try await traces(in: source) + traces(in: target) == [])
            }
        }
    }

    @Test
    func `a clinic that has moved says where it lives, until the way back is forgotten and after`() async throws {
        try await SmallClinic.withClinic(.sqlite) { source in
            try await Route(from: .sqlite, to: .postgres).withTarget { target in
                let move = MovesAreInterrupted.move(source, target)
                #expect(try await move.run().livesAt == "b")
                // Called again, it has nothing left to do.
                #expect(try await move.run().livesAt == "b")
                await #expect(throws: MoveFault.alreadySwitched(to: "b")) { try await move.abort() }
                try await Route(from: .sqlite, to: .sqlite).withTarget { third in
                    let other = Move(from: source, called: "a", to: third, called: "c", .small())
                    await #expect(throws: MoveFault.alreadyMoved(to: "b")) { try await other.run() }
                }
                try await move.forget()
                #expect(try await traces(in: target) == [])
                try await SmallClinic.change(1, in: target)
                let status = try await move.status()
                #expect(status.source?.elsewhere == "b" && status.source?.role == .moved)
                await #expect(throws: StorageFault.moving) { try await SmallClinic.change(1, in: source) }
                await #expect(throws: MoveFault.alreadyMoved(to: "b")) { try await move.run() }
            }
        }
    }

    @Test
    func `the target takes nothing from anybody before the switch`() async throws {
        for engine in Engine.allCases {
            try await SmallClinic.withClinic(.sqlite) { source in
                try await Route(from: .sqlite, to: engine).withTarget { target in
                    _ = try await MovesAreInterrupted.move(source, target).run { progress in
                        guard progress.phase == .comparing, progress.table == "patient" else { return }
                        blocking {
                            await #expect(throws: StorageFault.moving) { try await SmallClinic.change(1, in: target) }
                        }
                    }
                    try await SmallClinic.change(1, in: target)
                }
            }
        }
    }

    @Test
    func `a row that is not the same on both sides keeps the clinic where it is`() async throws {
        try await SmallClinic.withClinic(.postgres) { source in
            try await Route(from: .postgres, to: .sqlite).withTarget { target in
                let move = MovesAreInterrupted.move(source, target)
                await #expect(throws: MoveFault.differs(table: "patient")) {
                    try await move.run { progress in
                        guard progress.phase == .comparing, progress.table == "location" else { return }
                        blocking {
                            try await target.write { transaction in
                                try transaction.execute("INSERT INTO move_pass (one) VALUES (1)")
                                try transaction.execute("UPDATE patient SET name = 'another' WHERE version = 1")
                                try transaction.execute("DELETE FROM move_pass")
                            }
                        }
                    }
                }
                try await SmallClinic.change(1, in: source)
                try await move.abort()
                #expect(try await traces(in: source) + traces(in: target) == [])
            }
        }
    }

    @Test
    func `a way back can be dropped, and the clinic stays`() async throws {
        try await SmallClinic.withClinic(.sqlite) { source in
            try await Route(from: .sqlite, to: .postgres).withTarget { target in
                let move = MovesAreInterrupted.move(source, target)
                _ = try await move.run()
                try await SmallClinic.change(1, in: target)
                let doomed = Failing.Countdown(16)
                await #expect(throws: (any Error).self) {
                    try await MovesAreInterrupted.move(Failing(source, doomed, .before), Failing(target, doomed, .before)).back()
                }
                #expect(try await move.status().source?.role == .receiving)
                await #expect(throws: MoveFault.wayBackUnderWay) { try await move.run() }
                try await move.abort()
                #expect(try await move.status().source?.role == .moved)
                try await SmallClinic.change(2, in: target)
                _ = try await move.back()
                #expect(try await everything(in: source) == everything(in: target))
            }
        }
    }

    @Test
    func `every fault is one line that says what to do`() {
        let faults: [MoveFault] = [
            .storage(.target, .full), .storage(.source, .connectionLost("x")), .storage(.target, .unreachable("x")),
            .storage(.source, .moving), .targetNotEmpty(table: "t"), .schemaDiffers("x"),
            .columnUnknown(table: "t", column: "c", type: "x"), .noKey(table: "t"), .alreadyMoved(to: "x"), .leftover, .strangers,
            .targetLost, .wayBackUnderWay, .nothingUnderWay, .alreadySwitched(to: "x"), .takenOver, .differs(table: "t"),
            .refused(table: "t", rule: "r"), .tooBusy, .pauseTooLong(seconds: 1), .writersGoOn,
        ]
        for fault in faults { #expect(!fault.description.contains("\n") && fault.description.count < 160) }
    }
}
