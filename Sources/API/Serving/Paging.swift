import Notation
import Workflows

let pageParameters = [
    QueryParameter("limit", "limit", "How many at most, 1 to 200; the default is 20"),
    QueryParameter("cursor", "cursor", "Where to go on: `next` of the page before"),
]

extension Fields {
    /// `limit` and `cursor`.
    func page() -> PageRequest {
        let limit = optionalInteger("limit", in: 1...PageRequest.most) ?? PageRequest.usual
        let text = optionalText("cursor", max: 64)
        let cursor = text.flatMap { Cursor($0) }
        if text != nil && cursor == nil { reject("cursor", "is not one this server gave") }
        return PageRequest(after: cursor, limit: limit)
    }
}

extension Page {
    /// `{"items": […], "next": "…"}`
    func answer(_ write: (inout JSONWriter, Element) -> Void) -> Answer {
        var answer = Answer.json(reserving: 64 + elements.count * 256) { json in
            json.object { json in
                json.name("items")
                json.array(of: elements, write)
                json.member("next", next?.description)
            }
        }
        answer.cacheControl = "private, no-store"
        return answer
    }
}
