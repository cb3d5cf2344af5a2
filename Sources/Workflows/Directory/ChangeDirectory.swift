public import Notation
import People
public import Scheduling
import Storage

/// A change to who works where and when, or to what can be booked.
public enum DirectoryChange: Sendable {
    case storeLocation(Location)
    case storeResource(Resource)
    case storeVisitType(VisitType)
    case addHours(WorkingHours)
    case removeHours(ID<WorkingHours>, of: ID<Resource>)
    case addException(ScheduleException)
    case removeException(ID<ScheduleException>, of: ID<Resource>)
    case addHoliday(Holiday)
    case removeHoliday(ID<Holiday>, at: ID<Location>)

    /// Whether somebody may change it: their own hours, or the directory.
    fileprivate var act: Act {
        switch self {
        case .addHours(let hours): .changeHours(of: hours.resource.of())
        case .removeHours(_, let resource): .changeHours(of: resource.of())
        case .addException(let exception): .changeHours(of: exception.resource.of())
        case .removeException(_, let resource): .changeHours(of: resource.of())
        default: .changeDirectory
        }
    }

    fileprivate var subject: ID<AuditSubject> {
        switch self {
        case .storeLocation(let location): location.id.of()
        case .storeResource(let resource): resource.id.of()
        case .storeVisitType(let visitType): visitType.id.of()
        case .addHours(let hours): hours.resource.of()
        case .removeHours(_, let resource): resource.of()
        case .addException(let exception): exception.resource.of()
        case .removeException(_, let resource): resource.of()
        case .addHoliday(let holiday): holiday.location.of()
        case .removeHoliday(_, let location): location.of()
        }
    }

    fileprivate var name: String {
        switch self {
        case .storeLocation: "location.stored"
        case .storeResource(let resource): "\(resource.kind.rawValue).stored"
        case .storeVisitType: "visit-type.stored"
        case .addHours: "working-hours.added"
        case .removeHours: "working-hours.removed"
        case .addException: "exception.added"
        case .removeException: "exception.removed"
        case .addHoliday: "holiday.added"
        case .removeHoliday: "holiday.removed"
        }
    }
}

extension Clinic {
    /// Changes the directory, audits it, and hands every node's index the new hours. Appointments already made stay.
    public func change(_ change: DirectoryChange, call: Call, wording: Wording<Directory>) async throws -> Reply<Directory> {
        try await perform(call, manner: .changingDirectory, wording: wording) { story in
            try story.require(change.act)
        } act: { story, _ in
            try story.checkReferences(of: change)
            try story.write(change)
            try story.auditChange(of: change.subject, change.name)
            return try story.keys.opened(try story.newDirectory())
        }
    }
}

extension Story {
    /// Moves the directory's revision on and reads it anew; the index hears after the commit.
    func newDirectory() throws -> Directory {
        try transaction.run(AdvanceDirectoryRevision())
        let directory = try clinic.directory.current(transaction)
        hint(.directory(directory))
        return directory
    }

    func auditChange(of subject: ID<AuditSubject>, _ act: String, reason: Personal<String>? = nil) throws {
        try record(
            AuditEntry(
                id: newID(), subject: subject, at: now, by: call.by, act: act, fromState: nil, toState: nil,
                reason: reason, overridden: [], requestID: call.requestID, circumstances: circumstances()))
    }

    fileprivate func checkReferences(of change: DirectoryChange) throws(Refusal) {
        switch change {
        case .storeLocation, .removeHours, .removeException, .removeHoliday: break
        case .storeResource(let resource):
            if directory.locations[resource.location] == nil { throw .locationUnknown }
            if let provider = resource.provider, !clinic.settings.schedulingProviders.contains(provider) {
                throw .providerUnknown
            }
            if let known = directory.resources[resource.id], known.kind != resource.kind {
                throw resource.version == 1 ? .identifierAlreadyUsed : .recordUnknown
            }
        case .storeVisitType(let visitType):
            for id in visitType.practitioners where directory.resources[id]?.kind != .practitioner { throw .practitionerUnknown }
        case .addHours(let hours): if directory.resources[hours.resource] == nil { throw .recordUnknown }
        case .addException(let exception): if directory.resources[exception.resource] == nil { throw .recordUnknown }
        case .addHoliday(let holiday): if directory.locations[holiday.location] == nil { throw .locationUnknown }
        }
    }

    fileprivate func write(_ change: DirectoryChange) throws {
        let changed =
            switch change {
            case .storeLocation(let location): try transaction.run(StoreLocation(location: location))
            case .storeResource(let resource): try transaction.run(StoreResource(resource: resource))
            case .storeVisitType(let visitType): try transaction.run(StoreVisitType(visitType: visitType))
            case .addHours(let hours): try transaction.run(StoreWorkingHours(hours: hours))
            case .removeHours(let id, let resource): try transaction.run(DeleteWorkingHours(id: id, resource: resource))
            case .addException(let exception): try transaction.run(StoreException(exception: try sealed(exception)))
            case .removeException(let id, let resource): try transaction.run(DeleteException(id: id, resource: resource))
            case .addHoliday(let holiday): try transaction.run(StoreHoliday(holiday: holiday))
            case .removeHoliday(let id, let location): try transaction.run(DeleteHoliday(id: id, location: location))
            }
        if changed == 0 { throw change.whenNothingChanged }
    }
}

extension DirectoryChange {
    fileprivate var whenNothingChanged: Refusal {
        switch self {
        case .storeLocation(let location): location.version == 1 ? .identifierAlreadyUsed : .changedMeanwhile
        case .storeResource(let resource): resource.version == 1 ? .identifierAlreadyUsed : .changedMeanwhile
        case .storeVisitType(let visitType): visitType.version == 1 ? .identifierAlreadyUsed : .changedMeanwhile
        case .addHours, .addException, .addHoliday: .identifierAlreadyUsed
        case .removeHours, .removeException, .removeHoliday: .recordUnknown
        }
    }
}
