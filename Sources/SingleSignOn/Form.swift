import Foundation

/// `application/x-www-form-urlencoded`, which queries and the token endpoint are written in.
enum Form {
    static func text(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\(escaped($1))" }.joined(separator: "&")
    }

    static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let sign = Character(Unicode.Scalar(byte))
            let isPlain = sign.isASCII && (sign.isLetter || sign.isNumber || "-._~".contains(sign))
            return isPlain ? String(sign) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }

    static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}
