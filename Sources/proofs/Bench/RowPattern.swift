import Notation

/// Who and when of one booking, to be put in where the sample booking had its own.
struct BookingValues {
    var appointment: ID<Any>
    var practitioner: ID<Any>
    var patient: ID<Any>
    var room: ID<Any>
    var device: ID<Any>
    var start: Instant
    var now: Instant
}

/// A row of the sample booking with holes in it.
///
/// The benchmark compares the server with "the same inserts", and the filler writes what the product would have written.
/// Both copy what the product really wrote, value by value, so they stay right when the schema changes.
struct RowPattern {
    enum Role: CaseIterable { case appointment, practitioner, patient, room, device }
    enum Clock { case start, now }

    enum Hole {
        case constant(PlainFile.Value)
        /// The row's own identifier: a new one each time.
        case fresh
        case identifier(Role)
        case instant(Clock, offset: Int64)
        case bytes([Piece], isText: Bool)
    }

    enum Piece {
        case literal([UInt8])
        case identifier(Role)
        case instant(Clock, offset: Int64)
    }

    let table: String
    let columns: [String]
    var holes: [Hole]

    var insert: String {
        "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))"
    }

    /// Puts another value into a column: a delivered message instead of a waiting one.
    mutating func set(_ column: String, _ hole: Hole) {
        if let index = columns.firstIndex(of: column) { holes[index] = hole }
    }

    /// When a message falls due; nil for rows that are no messages.
    func dueAt(_ values: BookingValues) -> Instant? {
        guard let index = columns.firstIndex(of: "available_at"), case .instant(let clock, let offset) = holes[index] else {
            return nil
        }
        return Instant(microseconds: values.microseconds(clock) + offset)
    }

    func constant(_ column: String) -> PlainFile.Value? {
        guard let index = columns.firstIndex(of: column), case .constant(let value) = holes[index] else { return nil }
        return value
    }
}

/// Reads the rows one booking left in an otherwise empty clinic.
struct PatternReader {
    let sample: BookingValues

    func patterns(in file: PlainFile, tables: [String]) throws -> [RowPattern] {
        try tables.flatMap { table in
            let columns = try file.texts("SELECT name FROM pragma_table_info('\(table)')")
            return try file.rows("SELECT * FROM \(table)").map { row in
                RowPattern(table: table, columns: columns, holes: row.map(hole))
            }
        }
    }

    private func hole(_ value: PlainFile.Value) -> RowPattern.Hole {
        switch value {
        case .integer(let number): instant(number).map { .instant($0.0, offset: $0.1) } ?? .constant(value)
        case .bytes(let bytes) where bytes.count == 16: role(of: bytes).map { .identifier($0) } ?? reference(bytes)
        case .bytes(let bytes) where bytes.count > 32: .bytes(pieces(of: bytes), isText: false)
        case .text(let text) where text.utf8.count >= 20: .bytes(pieces(of: Array(text.utf8)), isText: true)
        default: .constant(value)
        }
    }

    /// Visit types and locations were imported with random bits of zero; what the booking made itself was not.
    private func reference(_ bytes: [UInt8]) -> RowPattern.Hole {
        bytes[8] == 0x80 && bytes[9] == 0 ? .constant(.bytes(bytes)) : .fresh
    }

    /// Numbers near one of the two clocks are instants; everything else is a count. The sample lies half a year ahead, so
    /// no number is near both.
    private func instant(_ number: Int64) -> (RowPattern.Clock, Int64)? {
        let near: Int64 = 10 * 86_400_000_000
        if abs(number - sample.start.microseconds) < near { return (.start, number - sample.start.microseconds) }
        if abs(number - sample.now.microseconds) < near { return (.now, number - sample.now.microseconds) }
        return nil
    }

    private func role(of bytes: [UInt8]) -> RowPattern.Role? {
        RowPattern.Role.allCases.first { sample.identifier($0).bytes == bytes }
    }

    /// Cuts a text at every identifier and instant of the sample.
    private func pieces(of bytes: [UInt8]) -> [RowPattern.Piece] {
        var pieces: [RowPattern.Piece] = []
        var literal: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if let (piece, length) = piece(bytes[index...]) {
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                pieces.append(piece)
                index += length
            } else {
                literal.append(bytes[index])
                index += 1
            }
        }
        return literal.isEmpty ? pieces : pieces + [.literal(literal)]
    }

    private func piece(_ rest: ArraySlice<UInt8>) -> (RowPattern.Piece, Int)? {
        guard rest.first.map({ $0 < 0x3A || $0 >= 0x61 }) ?? false else { return nil }
        let text = String(decoding: rest.prefix(36), as: UTF8.self)
        if let id = ID<Any>(text), let role = RowPattern.Role.allCases.first(where: { sample.identifier($0) == id }) {
            return (.identifier(role), 36)
        }
        for length in [27, 20] where rest.count >= length {
            guard let found = Instant(text.prefix(length)), let (clock, offset) = instant(found.microseconds) else { continue }
            return (.instant(clock, offset: offset), length)
        }
        return nil
    }
}

extension BookingValues {
    func identifier(_ role: RowPattern.Role) -> ID<Any> {
        switch role {
        case .appointment: appointment
        case .practitioner: practitioner
        case .patient: patient
        case .room: room
        case .device: device
        }
    }

    func microseconds(_ clock: RowPattern.Clock) -> Int64 {
        switch clock {
        case .start: start.microseconds
        case .now: now.microseconds
        }
    }
}

extension ID {
    var bytes: [UInt8] { withUnsafeBytes(of: high.bigEndian, Array.init) + withUnsafeBytes(of: low.bigEndian, Array.init) }
}
