/// Lines as RFC 5545 §3.1 has them: ended by CR LF, and folded so that none is longer than 75 bytes.
struct ContentLines {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ name: String, _ value: String) {
        var length = 0
        // A character is never cut: some readers put the pieces together only after decoding them.
        for character in "\(name):\(value)".unicodeScalars {
            let encoded = Array(String(character).utf8)
            if length + encoded.count > 75 {
                bytes += [13, 10, 32]
                length = 1
            }
            bytes += encoded
            length += encoded.count
        }
        bytes += [13, 10]
    }

    /// Text that somebody wrote (§3.3.11). Control characters, which no line may hold, are left out.
    mutating func add(_ name: String, text: String) { add(name, ContentLines.escaped(text)) }

    static func escaped(_ text: String) -> String {
        var result = ""
        // By scalars: CR LF is one character of Swift's.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", ";", ",": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case _ where scalar.value < 32 || scalar.value == 127: break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A parameter's value in quotes (§3.2), in which no quote can be written.
    static func quoted(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars where scalar.value >= 32 && scalar.value != 127 {
            result.unicodeScalars.append(scalar == "\"" ? "'" : scalar)
        }
        return "\"\(result)\""
    }
}
