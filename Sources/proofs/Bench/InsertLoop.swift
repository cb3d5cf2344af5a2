import CSQLite
import Notation

/// The same inserts as a booking makes, one commit each, with nothing around them: what a program without a server, a
/// queue or a check could do on this disk with this schema.
struct InsertLoop {
    let folder: DataFolder
    let patterns: [RowPattern]

    /// Runs for so long and returns commits a second. `first` numbers the first booking, as in the plan.
    func run(seconds: Double, first: Int, plan: Plan) throws -> (rate: Double, count: Int) {
        let file = try PlainFile(folder.databasePath, readOnly: false)
        try setUp(file)
        let surroundings = Surroundings.machine()
        let writer = try PatternWriter(file, patterns, identifiers: surroundings.identifiers)
        let (begin, commit) = (try PlainStatement(file, "BEGIN IMMEDIATE"), try PlainStatement(file, "COMMIT"))
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < .seconds(seconds) {
            var values = plan.values(first + count)
            values.appointment = surroundings.identifiers.next(Any.self)
            values.now = surroundings.clock.now
            try begin.run()
            try writer.write(values)
            try commit.run()
            count += 1
        }
        return (Double(count) / ((ContinuousClock.now - start) / .seconds(1)), count)
    }

    /// As the product opens its database, log size and cache included.
    private func setUp(_ file: PlainFile) throws {
        try file.execute(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
            PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 20000; PRAGMA cache_size = -65536
            """)
    }
}
