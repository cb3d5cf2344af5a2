import Notation
import Storage

// How the clinic's own shapes lie in a column: choices as their raw text, lists as JSON.

extension Columns {
    func choice<Choice: RawRepresentable>(_ index: Int, _: Choice.Type = Choice.self) throws -> Choice
    where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try text(index)) else {
            throw StorageFault.statement("column \(index) holds no known \(Choice.self)")
        }
        return choice
    }

    func texts(_ index: Int) throws -> [String] {
        guard let list = try? JSON(parsing: try json(index)).array else {
            throw StorageFault.statement("column \(index) holds no list")
        }
        return list.compactMap(\.string)
    }

    func ids<Subject>(_ index: Int, _: Subject.Type = Subject.self) throws -> [ID<Subject>] {
        try texts(index).compactMap { ID($0) }
    }
}

extension SQLValue {
    static func texts(_ list: [String]) -> SQLValue {
        var json = JSONWriter(reserving: 64)
        json.array(of: list) { $0.value($1) }
        return .json(String(decoding: json.bytes, as: UTF8.self))
    }

    static func ids<Subject>(_ list: [ID<Subject>]) -> SQLValue {
        var json = JSONWriter(reserving: 64)
        json.array(of: list) { $0.value($1) }
        return .json(String(decoding: json.bytes, as: UTF8.self))
    }
}
