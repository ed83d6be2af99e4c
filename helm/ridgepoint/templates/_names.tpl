{{/* Names and labels. */}}

{{- define "ridgepoint.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* 40 characters, so that every name made from it stays under the 63 of a label. */}}
{{- define "ridgepoint.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "ridgepoint.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "ridgepoint.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ridgepoint.coordinator" -}}
{{- printf "%s-coordinator" (include "ridgepoint.fullname" .) -}}
{{- end -}}

{{/* What selects pods: never changes in the life of a release. Takes { root, component, profile? }. */}}
{{- define "ridgepoint.selector" -}}
app.kubernetes.io/name: {{ include "ridgepoint.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .profile }}
ridgepoint.dev/profile: {{ . }}
{{- end }}
{{- end -}}

{{/* Takes { root, component, profile? }. */}}
{{- define "ridgepoint.labels" -}}
{{ include "ridgepoint.selector" . }}
app.kubernetes.io/part-of: ridgepoint
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes { root, image }; a digest wins over the tag. */}}
{{- define "ridgepoint.image" -}}
{{- $repository := .image.repository -}}
{{- with .root.Values.images.registry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository -}}
{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "ridgepoint.account" -}}
{{- $accounts := .root.Values.serviceAccounts -}}
{{- if $accounts.create -}}
{{- printf "%s-%s" (include "ridgepoint.fullname" .root) .component -}}
{{- else -}}
{{- required (printf "serviceAccounts.%s: name an account of yours, or leave serviceAccounts.create on." .component) (get $accounts .component) -}}
{{- end -}}
{{- end -}}

{{/* What the name of a coordinator's pod stands before, where it is reached by itself. */}}
{{- define "ridgepoint.podDomain" -}}
{{- printf "%s-pods.%s.svc" (include "ridgepoint.coordinator" .) .Release.Namespace -}}
{{- end -}}

{{/* host:port that agents and tools dial; of several coordinators each, for one of them leads. */}}
{{- define "ridgepoint.address" -}}
{{- $name := include "ridgepoint.coordinator" . -}}
{{- $replicas := int .Values.coordinator.replicas -}}
{{- if gt $replicas 1 -}}
{{- $addresses := list -}}
{{- range $i := until $replicas -}}
{{- $addresses = append $addresses (printf "%s-%d.%s:7117" $name $i (include "ridgepoint.podDomain" $)) -}}
{{- end -}}
{{- join "," $addresses -}}
{{- else -}}
{{- printf "%s.%s.svc:%v" $name .Release.Namespace .Values.coordinator.service.port -}}
{{- end -}}
{{- end -}}

{{/* A JSON list of the names that the coordinator's certificate is for. */}}
{{- define "ridgepoint.dnsNames" -}}
{{- $name := include "ridgepoint.coordinator" . -}}
{{- $short := printf "%s.%s" $name .Release.Namespace -}}
{{- $names := list $name $short (printf "%s.svc" $short) (printf "%s.svc.cluster.local" $short) (printf "*.%s" (include "ridgepoint.podDomain" .)) "localhost" -}}
{{- concat $names .Values.security.certificates.extraDnsNames | uniq | toJson -}}
{{- end -}}

{{/* A JSON list of the addresses of the log's servers; none for a file. */}}
{{- define "ridgepoint.logAddresses" -}}
{{- $log := .Values.coordinator.log -}}
{{- $addresses := list -}}
{{- if eq $log.kind "postgres" -}}
{{- /* One address can name several servers: postgres://user@one:5432,two:5433/database. */ -}}
{{- $hosts := $log.postgres.url | regexFind "://[^/?]*" | trimPrefix "://" | regexFind "[^@]*$" -}}
{{- range splitList "," $hosts -}}
{{- $addresses = append $addresses (printf "postgres://%s" .) -}}
{{- end -}}
{{- else if eq $log.kind "jetstream" -}}
{{- $addresses = $log.jetstream.servers -}}
{{- end -}}
{{- toJson $addresses -}}
{{- end -}}

{{/* A JSON list of the addresses of the store of bodies and of where metrics are pushed to. */}}
{{- define "ridgepoint.storeAddresses" -}}
{{- $addresses := list -}}
{{- with get (default dict .Values.coordinator.config.bodies) "endpoint" -}}
{{- $addresses = append $addresses . -}}
{{- end -}}
{{- range .Values.coordinator.config.exporter.push -}}
{{- $addresses = append $addresses .url -}}
{{- end -}}
{{- toJson $addresses -}}
{{- end -}}

{{/* A JSON list of the ports of an egress rule. Takes a list of addresses. */}}
{{- define "ridgepoint.portsOf" -}}
{{- $defaults := dict "postgres" 5432 "nats" 4222 "tls" 4222 "http" 80 "https" 443 -}}
{{- $ports := list -}}
{{- range . -}}
{{- $own := . | regexFind "://[^/?]*" | regexFind ":[0-9]+$" | trimPrefix ":" -}}
{{- $ports = append $ports (dict "port" (int (default (get $defaults (regexFind "^[a-z]+" .)) $own))) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
