{{/*
The configuration file of a profile's agents: what the values say under `config`, and what the chart knows better.
Takes { root, name, profile }.
*/}}
{{- define "ridgepoint.agentConfig" -}}
{{- $agent := .root.Values.agent -}}
{{- $credentials := "/etc/ridgepoint/credentials" -}}
{{- $config := mergeOverwrite (deepCopy $agent.config) (deepCopy (.profile.config | default dict)) -}}
{{- $tls := dict "ca" (printf "%s/ca.crt" $credentials) -}}
{{- if include "ridgepoint.mutual" .root -}}
{{- $tls = merge $tls (dict "certificate" (printf "%s/tls.crt" $credentials) "key" (printf "%s/tls.key" $credentials)) -}}
{{- else -}}
{{- $_ := set $config "tokenFile" (printf "%s/token" $credentials) -}}
{{- end -}}
{{- $folders := list -}}
{{- range $agent.models -}}
{{- $folders = append $folders (printf "/models/%s" .name) -}}
{{- end -}}
{{- $sources := $config.sources | default dict -}}
{{- if $agent.hubTokenSecret.name -}}
{{- $_ := set $sources "hfTokenFile" "/etc/ridgepoint/hub/token" -}}
{{- end -}}
{{- if $agent.sourcesCaConfigMap.name -}}
{{- $_ := set $sources "ca" "/etc/ridgepoint/sources-ca/ca.crt" -}}
{{- end -}}
{{- $meters := $config.meters | default dict -}}
{{- if $agent.rapl.enabled -}}
{{- $_ := set $meters "sysRoot" "/host/sys" -}}
{{- end -}}
{{- if dig "power" "enabled" false .profile -}}
{{- $_ := set $config "power" (dict "socket" "/run/ridgepoint-power/socket") -}}
{{- end -}}
{{- $_ := set $config "sources" $sources -}}
{{- $_ := set $config "meters" $meters -}}
{{- $_ := set $config "labels" (merge (dict "profile" .name) (.profile.labels | default dict)) -}}
{{- $_ := set $config "coordinator" (include "ridgepoint.address" .root) -}}
{{- $_ := set $config "tls" $tls -}}
{{- $_ := set $config "modelFolders" $folders -}}
{{- $_ := set $config "cacheFolder" "/var/cache/ridgepoint" -}}
{{- $_ := set $config "stateFolder" "/var/lib/ridgepoint" -}}
{{- $_ := set $config "exporter" (dict "host" (trimAll "[]" $agent.listen) "port" 9465) -}}
{{- toYaml $config -}}
{{- end -}}
