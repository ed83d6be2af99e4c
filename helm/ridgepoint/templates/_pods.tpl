{{/* What pods have in common. */}}

{{/* The restricted policy, whole. Takes { root, fsGroup, groups? }: fsGroup false where nothing of a volume is written. */}}
{{- define "ridgepoint.podSecurity" -}}
runAsNonRoot: true
{{- if .root.Values.podSecurity.setIds }}
runAsUser: {{ .root.Values.podSecurity.user }}
runAsGroup: {{ .root.Values.podSecurity.group }}
fsGroup: {{ .root.Values.podSecurity.group }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- with .groups }}
supplementalGroups: {{ toJson . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "ridgepoint.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* An HTTP probe of the metrics server. Takes { path, probe }. */}}
{{- define "ridgepoint.probe" -}}
httpGet: { path: {{ .path }}, port: metrics }
{{ toYaml .probe }}
{{- end -}}

{{/* Fields that are only there when they hold something. Takes the fields as a dict. */}}
{{- define "ridgepoint.given" -}}
{{- range $field, $value := . }}
{{- if $value }}
{{ $field }}:
  {{- toYaml $value | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
