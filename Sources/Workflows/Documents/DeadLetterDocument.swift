public import Notation
public import Outbox

extension DeadLetterFilter {
    /// From a query or a body: `topic`, `diedFrom`, `diedBefore`.
    public init(_ fields: Fields) {
        self.init(
            topic: fields.optionalText("topic", max: 64), diedFrom: fields.optionalInstant("diedFrom"),
            diedBefore: fields.optionalInstant("diedBefore"))
    }
}

extension DeadLetter {
    /// - Parameter payload: what it was to deliver, a JSON document, where it is shown.
    public func write(to json: inout JSONWriter, payload: String? = nil) {
        json.object { json in
            json.member("id", id)
            json.member("topic", topic)
            json.member("subject", subject)
            json.member("attempts", attempts)
            json.member("lastError", lastError)
            json.member("createdAt", createdAt)
            json.member("diedAt", diedAt)
            if let payload {
                json.name("payload")
                json.raw(Array(payload.utf8))
            }
        }
    }
}
