public import Notation

/// Everything about the clinic that changes rarely, as one immutable value: who works where and when, and what can be
/// booked. Read once, shared by every request, replaced as a whole when `revision` has moved on in the database.
public struct Directory: Sendable {
    public let revision: Int64
    public let locations: [ID<Location>: Location]
    public let resources: [ID<Resource>: Resource]
    public let visitTypes: [ID<VisitType>: VisitType]
    public let hours: [ID<Resource>: [WorkingHours]]
    public var exceptions: [ID<Resource>: [ScheduleException]]
    public let holidays: [ID<Location>: [Holiday]]
    /// Whether another system is being replaced, and how far that is.
    public let replacement: Replacement

    public init(
        revision: Int64 = 0, locations: [Location] = [], resources: [Resource] = [], visitTypes: [VisitType] = [],
        hours: [WorkingHours] = [], exceptions: [ScheduleException] = [], holidays: [Holiday] = [],
        replacement: Replacement = Replacement()
    ) {
        self.revision = revision
        self.replacement = replacement
        self.locations = Dictionary(locations.map { ($0.id, $0) }) { first, _ in first }
        self.resources = Dictionary(resources.map { ($0.id, $0) }) { first, _ in first }
        self.visitTypes = Dictionary(visitTypes.map { ($0.id, $0) }) { first, _ in first }
        self.hours = Dictionary(grouping: hours, by: \.resource)
        self.exceptions = Dictionary(grouping: exceptions, by: \.resource)
        self.holidays = Dictionary(grouping: holidays, by: \.location)
        self.suitable = Self.suitable(resources, visitTypes)
    }

    /// Rooms and devices that suit a visit type at a location, in the order of their identifiers, so that every node
    /// tries them in the same order.
    public func rooms(for visitType: VisitType, at location: ID<Location>) -> [Resource] {
        suitable[visitType.id]?.rooms[location] ?? []
    }
    public func devices(for visitType: VisitType, at location: ID<Location>) -> [Resource] {
        suitable[visitType.id]?.devices[location] ?? []
    }
    public func practitioners(for visitType: VisitType) -> [Resource] { suitable[visitType.id]?.practitioners ?? [] }

    /// The zone of the wall clock where a resource is.
    public func zone(of resource: Resource) -> String { locations[resource.location]?.zone ?? "UTC" }

    private let suitable: [ID<VisitType>: Suitable]

    /// What may serve one visit type. Sorted once for all: a booking picks its room from here thousands of times a second.
    private struct Suitable {
        var practitioners: [Resource] = []
        var rooms: [ID<Location>: [Resource]] = [:]
        var devices: [ID<Location>: [Resource]] = [:]

        mutating func add(_ resource: Resource) {
            switch resource.kind {
            case .practitioner: practitioners.append(resource)
            case .room: rooms[resource.location, default: []].append(resource)
            case .device: devices[resource.location, default: []].append(resource)
            }
        }
    }

    private static func suitable(_ resources: [Resource], _ visitTypes: [VisitType]) -> [ID<VisitType>: Suitable] {
        let ordered = resources.sorted { $0.id < $1.id }
        return Dictionary(
            visitTypes.map { type in
                (type.id, ordered.lazy.filter(type.suits).reduce(into: Suitable()) { $0.add($1) })
            }
        ) { first, _ in first }
    }
}
