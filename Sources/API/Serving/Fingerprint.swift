import Crypto
import Notation

/// A digest of everything that makes a request what it is (reliability: idempotency): method and operation, the address's
/// parameters, the query, `If-Match`, and the body in its canonical form, so that a client may reorder its keys.
enum Fingerprint {
    static func of(_ route: Route, parameters: [String: String], query: JSON, ifMatch: String?, content: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        func add(_ part: some Sequence<UInt8>) {
            hash.update(data: Array(part))
            hash.update(data: [0])
        }
        add(route.method.rawValue.utf8)
        add(route.operation.utf8)
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) { add("\(name)=\(value)".utf8) }
        if query.members?.isEmpty == false { add(query.canonicalBytes) }
        if let ifMatch { add(ifMatch.utf8) }
        add(content)
        return Array(hash.finalize())
    }

    static func digest(of bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
}
