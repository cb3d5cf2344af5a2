import Storage

/// A change that waits to be sent.
struct Post {
    let command: any Command
    /// Whether it has to touch exactly one row.
    let isDemanded: Bool
}

/// Changes of one kind that one statement makes, or a single change that is none of a kind.
struct Batch {
    let sample: any Command
    let isDemanded: Bool
    /// The values of each; none for a single change.
    private(set) var rows: [[SQLValue]]
    private let rank: Int

    /// Changes of one kind together, kinds in one order and rows sorted, so that two nodes that write at the same time
    /// wait for each other in the same order and never in a circle. Other changes come first, as they were posted.
    static func gathered(_ posts: [Post]) -> [Batch] {
        var single: [Batch] = []
        var many: [PostgresConnection.Key: Batch] = [:]
        for post in posts {
            guard let gathered = type(of: post.command) as? any Gathered.Type else {
                single.append(Batch(sample: post.command, isDemanded: post.isDemanded, rows: [], rank: 0))
                continue
            }
            let key = PostgresConnection.Key(
                type: ObjectIdentifier(gathered), form: post.isDemanded ? .manyDemanding : .many)
            let empty = Batch(sample: post.command, isDemanded: post.isDemanded, rows: [], rank: gathered.rank)
            many[key, default: empty].rows.append(post.command.bindings)
        }
        return single
            + many.values.sorted { $0.rank < $1.rank }.map { batch in
                var batch = batch
                batch.rows.sort { $0.comesBefore($1) }
                return batch
            }
    }
}

extension Conversation {
    func send(_ batch: Batch) throws {
        if batch.rows.isEmpty { return try sendAlone(batch.sample, batch.isDemanded) }
        let type = type(of: batch.sample)
        guard let many = try shape(of: type).many else {
            throw StorageFault.statement("\(type): it has no form for many rows")
        }
        try send(many: type, many, batch.rows, demanding: batch.isDemanded)
    }

    private func sendAlone<Asked: Command>(_ command: Asked, _ isDemanded: Bool) throws {
        try send(command, isDemanded ? .demanding : .one)
    }
}

extension [SQLValue] {
    /// One order on all nodes; which one does not matter.
    func comesBefore(_ other: [SQLValue]) -> Bool {
        for (left, right) in zip(self, other) where left != right { return left.comesBefore(right) }
        return false
    }
}

extension SQLValue {
    fileprivate func comesBefore(_ other: SQLValue) -> Bool {
        switch (self, other) {
        case (.identifier(let high, let low), .identifier(let otherHigh, let otherLow)):
            high != otherHigh ? high < otherHigh : low < otherLow
        case (.integer(let left), .integer(let right)): left < right
        case (.instant(let left), .instant(let right)): left < right
        case (.text(let left), .text(let right)): left < right
        case (.null, _): true
        default: false
        }
    }
}
