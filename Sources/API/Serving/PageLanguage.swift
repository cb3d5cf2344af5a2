import Letters
import Notation

extension Exchange {
    /// What a page is written in.
    var pageLanguage: WrittenLanguage { .chosen(query["language"]?.string, accepting: acceptLanguage) }
}

extension WrittenLanguage {
    /// What the link says, or what the browser asks for first among those there are.
    static func chosen(_ named: String?, accepting header: String?) -> WrittenLanguage {
        if let language = named.flatMap({ WrittenLanguage(rawValue: $0) }) { return language }
        for range in (header ?? "").prefix(256).split(separator: ",") {
            let code = range.drop { $0 == " " }.prefix(2).lowercased()
            if let language = WrittenLanguage(rawValue: code) { return language }
        }
        return .english
    }
}
