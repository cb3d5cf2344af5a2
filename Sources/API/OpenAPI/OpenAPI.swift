import Admission
import Notation
import People
import Workflows

/// The OpenAPI 3.1 description, made from the same table that the router is made from, so the two cannot disagree.
public enum OpenAPI {
    static func route(describing routes: [Route]) -> Route {
        // The description describes itself too; it is rendered once.
        let own = Route.open(.get, "/openapi.json", "openAPI", "This description") { _ in Answer() }
        let rendered = document(routes + [own])
        return Route.open(.get, own.path, own.operation, own.summary) { _ in
            var answer = Answer(body: rendered)
            answer.cacheControl = "public, max-age=900"
            return answer
        }
    }

    public static func document(_ routes: [Route]) -> [UInt8] {
        var json = JSONWriter(reserving: 64 * 1024)
        json.object { json in
            json.member("openapi", "3.1.0")
            json.name("info")
            json.object { json in
                json.member("title", "MediConnect")
                json.member("version", "1")
                json.member(
                    "description",
                    "Books appointments for clinics. Every change takes an Idempotency-Key and may be repeated under it for 72 hours."
                )
            }
            json.name("paths")
            json.object { json in paths(routes, &json) }
            json.name("components")
            components(&json)
        }
        return json.bytes
    }

    private static func paths(_ routes: [Route], _ json: inout JSONWriter) {
        for path in Set(routes.map(\.path)).sorted() {
            json.name(path)
            json.object { json in
                for route in routes where route.path == path {
                    json.name(route.method.rawValue.lowercased())
                    json.object { operation(route, &$0) }
                }
            }
        }
    }

    private static func operation(_ route: Route, _ json: inout JSONWriter) {
        json.member("operationId", route.operation)
        json.member("summary", route.summary)
        // What gives way first when not everything can be served (docs/guides/limits.md).
        json.member("x-urgency", route.urgency.name)
        json.name("security")
        json.array { json in
            guard route.needsToken else { return }
            for scheme in ["bearer", "cookie"] { json.object { $0.member(scheme, [String]()) } }
        }
        json.name("parameters")
        json.array { parameters(route, &$0) }
        if let takes = route.takes {
            json.name("requestBody")
            json.object { json in
                json.member("required", Schemas.all[takes]?.contains(#""required":["#) ?? true)
                let forms = route.form == nil ? [] : [("application/x-www-form-urlencoded", takes)]
                content([("application/json", takes)] + forms, &json)
            }
        }
        if let form = route.form, route.shows != nil, !form.isEmpty {
            json.name("requestBody")
            json.object { json in
                json.member("required", true)
                content(
                    [("application/x-www-form-urlencoded", Self.formSchema(form))], &json)
            }
        }
        json.name("responses")
        json.object { responses(route, &$0) }
    }

    private static func formSchema(_ fields: [String]) -> String {
        if fields.contains("answer") { return "VisitAnswer" }
        return fields.contains("newPassword") ? "NewPassword" : "LetterCode"
    }

    private static func parameters(_ route: Route, _ json: inout JSONWriter) {
        for segment in route.path.split(separator: "/") where segment.hasPrefix("{") {
            parameter(String(segment.dropFirst().dropLast()), in: "path", required: true, form: "string", "", &json)
        }
        if !route.isOpen {
            parameter(
                "X-Tenant", in: "header", required: false, form: "tenant",
                "Which clinic, on a server with several, where the host name does not say", &json)
        }
        if route.needsToken && !route.isOwn {
            parameter(
                "X-Purpose-Of-Use", in: "header", required: false, form: "purpose",
                "What the caller looks for; the default is what the role usually does", &json)
        }
        for parameter in route.query {
            self.parameter(
                parameter.name, in: "query", required: parameter.isRequired, form: parameter.form, parameter.description, &json)
        }
        if route.changesSomething, route.needsToken {
            parameter(
                "X-CSRF-Token", in: "header", required: false, form: "csrf",
                "With cookies only: the `csrfToken` of the session", &json)
        }
        if route.takesKey {
            parameter(
                "Idempotency-Key", in: "header", required: true, form: "key",
                "1 to 255 printable characters; the same again for a repeat", &json)
            parameter(
                "If-Match", in: "header", required: route.needsIfMatch, form: "string", "The ETag of the version seen", &json)
        }
    }

    private static func parameter(
        _ name: String, in place: String, required: Bool, form: String, _ description: String, _ json: inout JSONWriter
    ) {
        json.object { json in
            json.member("name", name)
            json.member("in", place)
            json.member("required", required)
            if !description.isEmpty { json.member("description", description) }
            json.name("schema")
            json.object { schema(of: form, &$0) }
        }
    }

    private static func schema(of form: String, _ json: inout JSONWriter) {
        json.member("type", ["limit", "changesLimit", "comparedRequests"].contains(form) ? "integer" : "string")
        switch form {
        case "purpose":
            json.name("enum")
            json.array(of: Purpose.allCases) { $0.value($1.rawValue) }
        case "review":
            json.name("enum")
            json.array { $0.value("unreviewed") }
        case "correctionState", "taskState":
            json.name("enum")
            json.array { $0.value("open") }
        case "texts":
            json.name("enum")
            json.array(of: ["masked", "shown"]) { $0.value($1) }
        case "topic": json.member("maxLength", 64)
        case "uuid", "date-time": json.member("format", form)
        case "comparedRequests":
            json.member("minimum", 1)
            json.member("maximum", 100_000)
            json.member("default", 1_000)
        case "limit":
            json.member("minimum", 1)
            json.member("maximum", PageRequest.most)
            json.member("default", PageRequest.usual)
        case "cursor":
            json.member("maxLength", 64)
            json.member("pattern", "^-?[0-9a-z]+~[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        case "changesLimit":
            json.member("minimum", 1)
            json.member("maximum", 1_000)
            json.member("default", 100)
        case "changes":
            json.member("maxLength", 64)
            json.member("pattern", "^(now|[0-9a-z]+~[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
        case "key":
            json.member("minLength", 1)
            json.member("maxLength", 255)
            json.member("pattern", "^[!-~]+$")
        case "csrf": json.member("pattern", "^[0-9a-f]{64}$")
        default: break
        }
    }

    private static func responses(_ route: Route, _ json: inout JSONWriter) {
        let done = [route.status] + route.alsoGives
        let problems = route.possibleProblems
        for status in Set(done + problems.map(\.status)).sorted() {
            let types = problems.filter { $0.status == status }
            json.name(String(status))
            json.object { json in
                let meanings = (done.contains(status) ? [meaning(of: status)] : []) + types.map(\.title)
                json.member("description", meanings.joined(separator: "; "))
                var contents: [(type: String, schema: String)] = []
                if done.contains(status), status != 304, let gives = route.gives { contents.append(("application/json", gives)) }
                if !types.isEmpty, route.shows == nil { contents.append(("application/problem+json", "Problem")) }
                content(contents, &json)
                if route.shows != nil { page(&json) }
            }
        }
    }

    private static func page(_ json: inout JSONWriter) {
        json.name("content")
        json.object { json in
            json.name("text/html")
            json.object { _ in }
        }
    }

    private static func meaning(of status: Int) -> String {
        switch status {
        case 201: "It is there now"
        case 302, 303: "Go there"
        case 304: "It has not changed"
        case 503: "Something is wrong"
        default: "Done"
        }
    }

    private static func content(_ types: [(type: String, schema: String)], _ json: inout JSONWriter) {
        guard !types.isEmpty else { return }
        json.name("content")
        json.object { json in
            for (type, schema) in types {
                json.name(type)
                json.object { json in
                    json.name("schema")
                    json.object { $0.member("$ref", "#/components/schemas/\(schema)") }
                }
            }
        }
    }

    private static func components(_ json: inout JSONWriter) {
        json.object { json in
            json.name("securitySchemes")
            json.object { json in
                json.name("bearer")
                json.object { json in
                    json.member("type", "http")
                    json.member("scheme", "bearer")
                    json.member("bearerFormat", "JWT")
                }
                json.name("cookie")
                json.object { json in
                    json.member("type", "apiKey")
                    json.member("in", "cookie")
                    json.member("name", SessionCookie.access.rawValue)
                }
            }
            json.name("schemas")
            json.object { json in
                for (name, schema) in Schemas.all.sorted(by: { $0.key < $1.key }) {
                    json.name(name)
                    json.raw(Array(schema.utf8))
                }
            }
        }
    }
}

extension Route {
    /// What this route may answer besides success: its own problems and those of every route of its kind.
    public var possibleProblems: [ProblemType] {
        var types: [ProblemType] = problems + [.badRequest, .internalFault, .unavailable]
        if path.contains("{") { types += [.notFound] }
        if !isOpen { types += [.noSuchClinic, .invalidFields, .rateLimited, .overloaded, .moving] }
        if needsToken { types += [.tokenMissing, .tokenInvalid, .sessionEnded, .notPermitted, .crossSite] }
        if needsToken && !isOwn { types += [.secondFactorRequired] }
        if changesSomething { types += [.bodyTooLarge, .bodyTooSlow, .mediaTypeUnsupported, .outcomeUnknown] }
        if takesKey {
            types += [.idempotencyKeyMissing, .idempotencyKeyReused, .requestInProgress, .changedMeanwhile]
        }
        if needsIfMatch { types += [.preconditionRequired] }
        return types.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
