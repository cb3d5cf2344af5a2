import Foundation
import Notation

/// Fields of a form, as `application/x-www-form-urlencoded` has them (WHATWG URL §5).
enum Form {
    static func text(_ fields: [(String, String)]) -> String {
        fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
    }

    static func body(_ fields: [(String, String)]) -> [UInt8] { Array(text(fields).utf8) }

    /// Nil when it is not text, or a percent sign is followed by no digits.
    static func fields(_ body: [UInt8]) -> [(name: String, value: String)]? {
        var fields: [(name: String, value: String)] = []
        for part in body.split(separator: UInt8(ascii: "&")) {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(halves[0]), let value = decoded(halves.count > 1 ? halves[1] : []) else { return nil }
            fields.append((name, value))
        }
        return fields
    }

    /// Unreserved signs stay (RFC 3986 §2.3), also for a part of a path or a query.
    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 55 + value }

    private static func decoded(_ part: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = part
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(32)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

enum Base64 {
    static func text(_ bytes: some Sequence<UInt8>) -> String { Data(Array(bytes)).base64EncodedString() }
    static func bytes(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map { Array($0) } }
}

extension OutboundCall {
    static let formType: (name: String, value: String) = ("Content-Type", "application/x-www-form-urlencoded")
    static let jsonType: (name: String, value: String) = ("Content-Type", "application/json")

    /// RFC 7617.
    static func basic(_ user: String, _ password: Personal<String>) -> (name: String, value: String) {
        ("Authorization", "Basic " + Base64.text("\(user):\(password.revealed)".utf8))
    }

    static func bearer(_ token: Personal<String>) -> (name: String, value: String) {
        ("Authorization", "Bearer \(token.revealed)")
    }
}

/// What was answered, if it is JSON. A function of its own: Swift 6.3.1 crashes on `try?` of a typed throw inside longer chains.
@inline(never)
func document(_ bytes: [UInt8]) -> JSON? {
    do { return try JSON(parsing: bytes) } catch { return nil }
}
