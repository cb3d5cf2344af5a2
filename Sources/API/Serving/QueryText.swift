import Notation

/// The query of an address as an object of texts, so that it is checked like a body. Digits alone are a number, `true` and
/// `false` are truths. A plus sign is a plus sign (RFC 3986): times with an offset need no escape.
enum QueryText {
    /// No route has half as many. Each is compared with those before it, and anybody may send them.
    private static let most = 32

    static func parse(_ text: String?) throws(Problem) -> JSON {
        guard let text, !text.isEmpty else { return JSON(.object([])) }
        var members: [JSON.Member] = []
        members.reserveCapacity(6)
        for part in text.utf8.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = decoded(part[..<equals]), let value = decoded(part[equals...].dropFirst()) else {
                throw Problem(.badRequest, detail: "The query is not percent-encoded UTF-8.")
            }
            if members.contains(where: { $0.name == name }) {
                throw Problem(.badRequest, detail: "A parameter of the query stands twice.")
            }
            guard members.count < most else { throw Problem(.badRequest, detail: "The query has more than \(most) parameters.") }
            members.append(JSON.Member(name: name, value: JSON(content(value))))
        }
        return JSON(.object(members))
    }

    private static func content(_ value: String) -> JSON.Content {
        switch value {
        case "true": .bool(true)
        case "false": .bool(false)
        default:
            if value.utf8.count <= 9, !value.isEmpty, value.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(value)
            {
                .integer(number)
            } else {
                .string(value)
            }
        }
    }

    static func decoded(_ text: Substring) -> String? { decoded(text.utf8) }

    private static func decoded(_ text: Substring.UTF8View) -> String? {
        guard text.contains(UInt8(ascii: "%")) else { return String(Substring(text)) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}
