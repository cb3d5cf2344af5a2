import Notation

/// Writes bookings by their patterns, a compiled statement for each row, as lean as the C interface allows: the loop the
/// server is compared with must not be slowed down by us.
final class PatternWriter {
    private struct Row {
        let statement: PlainStatement
        let pattern: RowPattern
    }

    private let rows: [Row]
    private let identifiers: any IdentifierSource
    /// Where a row's texts are put together; reserved once, so that its bytes stay where they are while a row is bound.
    private var scratch: [UInt8] = []

    init(_ file: PlainFile, _ patterns: [RowPattern], identifiers: any IdentifierSource) throws {
        self.identifiers = identifiers
        rows = try patterns.map { Row(statement: try PlainStatement(file, $0.insert), pattern: $0) }
    }

    /// Messages that would have been due before `deliveredUntil` are left out: they would have been delivered.
    func write(_ values: BookingValues, deliveredUntil: Instant? = nil) throws {
        for row in rows {
            if let deliveredUntil, let due = row.pattern.dueAt(values), due < deliveredUntil { continue }
            scratch.removeAll(keepingCapacity: true)
            let spans = row.pattern.holes.map { compose($0, values) }
            try scratch.withUnsafeBufferPointer { bytes in
                for (index, hole) in row.pattern.holes.enumerated() {
                    bind(hole, values, UnsafeBufferPointer(rebasing: bytes[spans[index]]), row.statement, index)
                }
                try row.statement.run()
            }
        }
    }

    /// Adds what a hole needs as bytes, and says where it stands.
    private func compose(_ hole: RowPattern.Hole, _ values: BookingValues) -> Range<Int> {
        let start = scratch.count
        switch hole {
        case .fresh: append(identifiers.next(Any.self))
        case .identifier(let role): append(values.identifier(role))
        case .bytes(let pieces, _): for piece in pieces { append(piece, values) }
        case .constant, .instant: break
        }
        return start..<scratch.count
    }

    private func append(_ id: ID<Any>) {
        withUnsafeBytes(of: id.high.bigEndian) { scratch.append(contentsOf: $0) }
        withUnsafeBytes(of: id.low.bigEndian) { scratch.append(contentsOf: $0) }
    }

    private func append(_ piece: RowPattern.Piece, _ values: BookingValues) {
        switch piece {
        case .literal(let bytes): scratch.append(contentsOf: bytes)
        case .identifier(let role): values.identifier(role).append(to: &scratch)
        case .instant(let clock, let offset):
            Instant(microseconds: values.microseconds(clock) + offset).appendRFC3339(to: &scratch)
        }
    }

    private func bind(
        _ hole: RowPattern.Hole, _ values: BookingValues, _ bytes: UnsafeBufferPointer<UInt8>, _ statement: PlainStatement,
        _ index: Int
    ) {
        switch hole {
        case .constant(let value): statement.bind(value, at: index)
        case .instant(let clock, let offset): statement.bindNumber(values.microseconds(clock) + offset, at: index)
        case .fresh, .identifier: statement.bindBytes(bytes, isText: false, at: index)
        case .bytes(_, let isText): statement.bindBytes(bytes, isText: isText, at: index)
        }
    }
}
