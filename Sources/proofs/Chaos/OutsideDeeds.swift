import Foundation
import Notation
import Processes

/// What those outside have done, as they wrote it down: nothing the clinic says of itself.
struct OutsideDeeds {
    struct Effect { let part, what, key: String; let count: Int }
    struct Intent { let id, status: String; let reference: String?; let received: Int }
    struct Refund { let reference: String?; let amount: Int }
    struct Entry { let id, state: String; let time: Instant? }
    struct Record { let appointment, status: String; let start: Instant? }

    var lettersHandedOverAgain: Int { effects.filter { $0.what == "mail" }.reduce(0) { $0 + $1.count - 1 } }

    private(set) var effects: [Effect] = []
    private(set) var intents: [Intent] = []
    private(set) var refunds: [Refund] = []
    private(set) var entries: [Entry] = []
    private(set) var records: [Record] = []

    /// Reads the simulator's journal: a line for each change, and the last about a thing counts.
    init(journal path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw ProcessFault("\(path) cannot be read") }
        var last: [String: (kind: String, thing: JSON)] = [:]
        var order: [String] = []
        for line in data.split(separator: UInt8(ascii: "\n")) {
            let json = try JSON(parsing: Array(line))
            guard let kind = json["kind"]?.string, let id = json["id"]?.string,
                let thing = json["thing"]?.string.flatMap({ Data(base64Encoded: $0) })
            else { throw ProcessFault("a line of \(path) cannot be read") }
            let name = "\(kind) \(id)"
            if last[name] == nil { order.append(name) }
            last[name] = (kind, try JSON(parsing: Array(thing)))
        }
        for name in order { try take(last[name]!.kind, last[name]!.thing) }
    }

    private mutating func take(_ kind: String, _ thing: JSON) throws {
        func text(_ name: String) -> String { thing[name]?.string ?? "" }
        func number(_ name: String) -> Int {
            guard let number = thing[name]?.integer else { return 0 }
            return Int(number)
        }
        switch kind {
        case "effect":
            effects.append(Effect(part: text("part"), what: text("what"), key: text("key"), count: number("count")))
        case "intent":
            intents.append(
                Intent(
                    id: text("id"), status: text("status"), reference: thing["metadata"]?["reference"]?.string,
                    received: number("received")))
        case "refund":
            refunds.append(Refund(reference: thing["metadata"]?["reference"]?.string, amount: number("amount")))
        case "scheduled": entries.append(Entry(id: text("id"), state: text("state"), time: Instant(text("time"))))
        case "record":
            let body = try JSON(parsing: text("body"))
            let value = text("identifier").split(separator: "|").last.map(String.init) ?? ""
            records.append(
                Record(
                    appointment: value, status: body["status"]?.string ?? "",
                    start: body["start"]?.string.flatMap { Instant($0) }))
        default: break
        }
    }
}
