import Foundation
import Identity
import Notation

/// What a token of this program looks like. Whatever else a library would understand, keys named in the header, other algorithms,
/// claims that mean something to others, is refused before anybody looks at the signature (RFC 8725 §3.1, §3.10, §3.11).
enum TokenForm {
    private static let claims: Set<String> = ["iss", "sub", "role", "sid", "enrol", "scope", "places", "iat", "exp"]
    /// Until the end of the year 9999.
    private static let moments: ClosedRange<Int64> = 0...253_402_300_799

    /// The id of the key that is said to have signed it, sixteen hexadecimal digits that name a key of the ring or none: never a file, an
    /// address, or part of either. Nil when the token is not one of ours.
    static func key(of token: String) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        // HMAC-SHA-256 is 32 bytes, which are 43 digits.
        guard parts.count == 3, parts[2].utf8.count == 43, let header = json(parts[0])?.members, let payload = json(parts[1]),
            let members = payload.members, header.count == 3, let kid = header.first(where: { $0.name == "kid" })?.value.string,
            isKeyID(kid)
        else { return nil }
        // Every key is for one algorithm, whatever a token says.
        let said = Set(header.map { member in "\(member.name) \(member.value.string ?? "")" })
        guard said == ["alg HS256", "typ JWT", "kid \(kid)"] else { return nil }
        for name in ["iat", "exp"] {
            guard let moment = payload[name]?.integer, moments.contains(moment) else { return nil }
        }
        return members.allSatisfy { claims.contains($0.name) } ? kid : nil
    }

    private static func isKeyID(_ text: String) -> Bool {
        text.utf8.count == Keyring.idLength
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    private static func json(_ part: Substring) -> JSON? {
        guard part.utf8.allSatisfy({ isDigit($0) }) else { return nil }
        let padding = String(repeating: "=", count: (4 - part.utf8.count % 4) % 4)
        let text = String(part).replacing("-", with: "+").replacing("_", with: "/") + padding
        return Data(base64Encoded: text).flatMap { try? JSON(parsing: Array($0)) }
    }

    /// Of base64url.
    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
