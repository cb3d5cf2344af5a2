import Notation
import People
import Scheduling
import Workflows

/// Working hours and exceptions of a resource, holidays of a location. They are added and removed, never edited: a change
/// of hours is the end of one rule and the start of another.
struct HoursRoutes {
    var routes: [Route] {
        part(
            "/v1/resources/{resource}/working-hours", "WorkingHours", "working-hours rule",
            list: { directory, resource in directory.hours[resource.of()] ?? [] }, write: { $1.write(to: &$0) },
            add: { fields, id, resource, directory in
                let zone = directory.resources[resource.of()].map { directory.zone(of: $0) } ?? "UTC"
                return .addHours(WorkingHours(fields, id: id.of(), resource: resource.of(), zone: zone))
            },
            remove: { .removeHours($0.of(), of: $1.of()) })
            + part(
                "/v1/resources/{resource}/exceptions", "ScheduleException", "exception",
                list: { directory, resource in directory.exceptions[resource.of()] ?? [] }, write: { $1.write(to: &$0) },
                add: { fields, id, resource, _ in .addException(ScheduleException(fields, id: id.of(), resource: resource.of()))
                },
                remove: { .removeException($0.of(), of: $1.of()) }, tellsAbsences: true)
            + part(
                "/v1/locations/{resource}/holidays", "Holiday", "holiday",
                list: { directory, location in directory.holidays[location.of()] ?? [] }, write: { $1.write(to: &$0) },
                add: { fields, id, location, _ in .addHoliday(Holiday(fields, id: id.of(), location: location.of())) },
                remove: { .removeHoliday($0.of(), at: $1.of()) })
    }

    private func part<Record: Sendable>(
        _ path: String, _ schema: String, _ one: String,
        list: @escaping @Sendable (Directory, ID<AnyRecord>) -> [Record],
        write: @escaping @Sendable (inout JSONWriter, Record) -> Void,
        add: @escaping @Sendable (Fields, ID<AnyRecord>, ID<AnyRecord>, Directory) -> DirectoryChange,
        remove: @escaping @Sendable (ID<AnyRecord>, ID<AnyRecord>) -> DirectoryChange,
        tellsAbsences: Bool = false
    ) -> [Route] {
        let path = path.replacing("{resource}", with: "{id}")
        let member = path.hasPrefix("/v1/locations") ? "location" : "resource"
        let plural = schema.hasSuffix("s") ? schema : schema + "s"
        return [
            Route(.get, path, "list\(plural)", "Every \(one)", gives: "\(schema)List", alsoGives: [304], problems: [.notFound]) {
                exchange, clinic in
                if tellsAbsences && !exchange.caller.may(.readAbsences) { throw Problem(.notPermitted) }
                let owner = try exchange.id("id", AnyRecord.self)
                let directory = try await clinic.directory(for: exchange.caller)
                guard directory.knows(owner) else { throw Problem(.notFound) }
                // Why somebody is away is their own.
                let freshness = tellsAbsences ? "private, no-store" : Freshness.templates
                return exchange.fresh(directory, freshness) { json in
                    json.object { json in
                        json.name("items")
                        json.array(of: list(directory, owner)) { write(&$0, $1) }
                    }
                }
            },
            Route(
                .post, path, "add\(schema)", "Add a \(one)", takes: schema, gives: "\(schema)List", status: 201,
                problems: [.notFound, .identifierAlreadyUsed]
            ) { exchange, clinic in
                let owner = try exchange.id("id", AnyRecord.self)
                let fields = exchange.fields()
                let id = fields.optionalID("id", AnyRecord.self) ?? clinic.surroundings.identifiers.next(AnyRecord.self)
                // What was read may be sent again as it was.
                if let named = fields.optionalID(member, AnyRecord.self), named != owner {
                    fields.reject(member, "is not the one in the address")
                }
                let directory = try await clinic.directory(for: exchange.caller)
                guard directory.knows(owner) else { throw Problem(.notFound) }
                let wanted = add(fields, id, owner, directory)
                try fields.check()
                return Answer(
                    try await clinic.change(
                        wanted, call: exchange.call, wording: exchange.wording { listed($0, owner, 201, list, write) }))
            },
            Route(
                .delete, path + "/{part}", "remove\(schema)", "Remove a \(one)", gives: "\(schema)List", problems: [.notFound]
            ) { exchange, clinic in
                let owner = try exchange.id("id", AnyRecord.self)
                let wanted = remove(try exchange.id("part", AnyRecord.self), owner)
                return Answer(
                    try await clinic.change(
                        wanted, call: exchange.call, wording: exchange.wording { listed($0, owner, 200, list, write) }))
            },
        ]
    }
}

private func listed<Record>(
    _ directory: Directory, _ owner: ID<AnyRecord>, _ status: Int, _ list: (Directory, ID<AnyRecord>) -> [Record],
    _ write: (inout JSONWriter, Record) -> Void
) -> StoredAnswer {
    var json = JSONWriter()
    json.object { json in
        json.name("items")
        json.array(of: list(directory, owner)) { write(&$0, $1) }
    }
    return StoredAnswer(status: status, etag: "\"d\(directory.revision)\"", body: json.bytes)
}

extension Directory {
    fileprivate func knows(_ id: ID<AnyRecord>) -> Bool { resources[id.of()] != nil || locations[id.of()] != nil }
}
